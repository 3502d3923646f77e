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


def render(chart: Path, values: Mapping[str, Any], namespace: str = "tenantry-system") -> list[Manifest]:
    """Every object of a chart, as ``helm install`` would send it, in its order.

    Raises:
        DevError: where the values are refused.
    """
    text = _template(chart, yaml.safe_dump(dict(values)), namespace)
    return [document for document in yaml.safe_load_all(text) if document]


@cache
def _template(chart: Path, values: str, namespace: str) -> str:
    return helm("template", RELEASE, str(chart), "--namespace", namespace, "--values", "-", stdin=values)
