"""Argo CD's and kstatus's own code, asked about objects of the real API server."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dev.tools.build import tool_path
from tests.integration.operator_harness import ROOT, Manifest

EXAMPLES = ROOT / "examples/argocd"
SETTINGS = EXAMPLES / "argocd-cm.yaml"
SAME = {"Healthy": "Current", "Progressing": "InProgress", "Degraded": "Failed"}
"""Argo CD's word → kstatus's for the same."""


@dataclass(frozen=True, slots=True)
class Health:
    """What both say of an object."""

    argocd: str
    kstatus: str
    message: str
    """Argo CD's."""


@dataclass(frozen=True, slots=True)
class Argo:
    """Argo CD as an Application would use it."""

    kubeconfig: Path
    server_side: bool = False
    tracking: str = "annotation"
    app: str = "tenants"

    def sync(self, manifests: Sequence[Manifest], *, prune: bool = True) -> dict[str, str]:
        """Apply what Git holds, and delete what it no longer holds; returns what was done with each object."""
        done = run("sync", manifests, *self._options(), *(["-prune"] if prune else []))
        return {one["name"]: one["status"] for one in done}

    def drift(self, manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
        """What is out of sync by the classic strategy or the server-side one, with what is compared."""
        return run("diff", manifests, *self._options())

    def _options(self) -> list[str]:
        options = ["-config", str(SETTINGS), "-kubeconfig", str(self.kubeconfig), "-app", self.app]
        return [*options, "-tracking", self.tracking, *(["-server-side"] if self.server_side else [])]


def health(*objects: Manifest) -> list[Health]:
    """What Argo CD, with the settings that examples/argocd has for it, and kstatus say."""
    found = run("health", objects, "-config", str(SETTINGS))
    return [Health(one["argocd"]["status"], one["kstatus"]["status"], one["argocd"]["message"]) for one in found]


def run(verb: str, manifests: Sequence[Manifest], *options: str) -> list[dict[str, Any]]:
    """Run the tool, and return what it prints."""
    text = json.dumps(list(manifests))
    done = subprocess.run([_tool(), verb, *options], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@cache
def _tool() -> str:
    return str(tool_path("gitops"))
