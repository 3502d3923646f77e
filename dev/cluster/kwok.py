"""Fake nodes for a control plane: kwok marks pods Ready without running anything, so that fleets fit on one machine."""

from typing import Any

from dev.cluster.components import Command
from dev.cluster.control_plane import ControlPlane
from dev.errors import DevError
from dev.kubectl import Kubectl, KubectlError
from dev.tools.build import ensure
from dev.tools.catalog import find_tool

SELECTOR = "type=kwok"
READY_SECONDS = 60


def add_fake_nodes(control_plane: ControlPlane, count: int = 1, pods: str = "10.0.0.0/24") -> None:
    """Run kwok beside a control plane that has a scheduler, and wait until its fake nodes are Ready.

    Each node takes a million pods. kwok ends with the control plane. `pods` is the range of their addresses.

    Raises:
        DevError: where the nodes do not become ready.
    """
    folder = ensure(find_tool("kwok"))
    arguments = (
        f"--kubeconfig={control_plane.kubeconfig}",
        f"--config={folder / 'stages.yaml'}",
        "--manage-all-nodes",
        f"--cidr={pods}",
        "--node-lease-duration-seconds=40",
    )
    control_plane.run(Command("kwok", arguments), folder / "kwok")
    kubectl = Kubectl(control_plane.kubectl, control_plane.kubeconfig)
    wait = ("wait", "--for=condition=Ready", "node", "-l", SELECTOR, f"--timeout={READY_SECONDS}s")
    try:
        kubectl.apply(*(fake_node(f"fake-{number}") for number in range(count)))
        kubectl.run(*wait, timeout=READY_SECONDS + 10)
    except KubectlError as error:
        raise DevError(f"{control_plane.failure() or 'kwok runs, but its nodes are not ready'}: {error}") from error


def fake_node(name: str) -> dict[str, Any]:
    """Return a node that kwok takes care of; it fills in the status, with room for a million pods."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
