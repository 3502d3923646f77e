"""Commands and manifests as the documentation gives them, run word for word."""

import os
import re
import subprocess
from pathlib import Path
from typing import Protocol

from dev.install import ROOT
from dev.tools.build import tool_path


class Cluster(Protocol):
    """What commands need of a cluster."""

    @property
    def kubectl(self) -> Path:
        """A kubectl that fits it."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""


def commands(page: str, heading: str) -> list[str]:
    """Each block of commands under a heading of a page, up to the next heading."""
    return blocks(page, heading, "bash")


def blocks(page: str, heading: str, language: str) -> list[str]:
    """Each block of a language under a heading of a page, up to the next heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", (ROOT / page).read_text(), flags=re.MULTILINE)[1]
    section = re.split(r"^##+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def run(block: str, cluster: Cluster, folder: Path, **variables: str) -> str:
    """What a block of commands prints, with the project's Helm and kubectl; ``variables`` are the shell's."""
    for name, target in {"helm": tool_path("helm"), "kubectl": cluster.kubectl}.items():
        link = folder / name
        if not link.exists():
            link.symlink_to(target)
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "KUBECONFIG": str(cluster.kubeconfig)} | variables
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout
