"""Commands as the documentation gives them, run word for word."""

import os
import re
import subprocess
from pathlib import Path

from dev.cluster.control_plane import ControlPlane
from dev.tools.build import tool_path
from tests.integration.operator_harness import ROOT


def commands(page: str, heading: str) -> list[str]:
    """Each block of commands under a heading of a page, up to the next heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", (ROOT / page).read_text(), flags=re.MULTILINE)[1]
    section = re.split(r"^#+ [A-Z]", section, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def run(block: str, control_plane: ControlPlane, folder: Path) -> str:
    """What a block of commands prints, with the project's Helm and kubectl."""
    for name, target in {"helm": tool_path("helm"), "kubectl": control_plane.kubectl}.items():
        link = folder / name
        if not link.exists():
            link.symlink_to(target)
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "KUBECONFIG": str(control_plane.kubeconfig)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout
