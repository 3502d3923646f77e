"""What Helm makes of the project's charts."""

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dev.errors import DevError
from dev.tools.build import tool_path

ROOT = Path(__file__).resolve().parent.parent / "charts"
OPERATOR = ROOT / "tenantry"
DEFINITIONS = ROOT / "tenantry-crds"
RELEASE = "tenantry"

Manifest = dict[str, Any]


class _UniqueKeys(yaml.SafeLoader):
    """Refuses what YAML forbids and most parsers let pass: a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise DevError(f"{twice[0]} is there twice{node.start_mark}")
        return super().construct_mapping(node, deep)


def helm(*arguments: str, stdin: str = "") -> str:
    """Run Helm, without anything of the user's, and return what it prints.

    Raises:
        DevError: with Helm's error text.
    """
    command = [str(tool_path("helm")), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def render(
    chart: Path, values: Mapping[str, Any], namespace: str = "tenantry-system", *, tests: bool = False
) -> list[Manifest]:
    """Every object of a chart, as ``helm install`` would send it, in its order; ``tests``: those of ``helm test`` too.

    Raises:
        DevError: where the values are refused, or make a mapping with a key twice.
    """
    text = _template(chart, yaml.safe_dump(dict(values)), namespace, tests)
    return [document for document in yaml.load_all(text, _UniqueKeys) if document]


@cache
def _template(chart: Path, values: str, namespace: str, tests: bool) -> str:
    flags = ("--namespace", namespace, "--values", "-", *(() if tests else ("--skip-tests",)))
    return helm("template", RELEASE, str(chart), *flags, stdin=values)
