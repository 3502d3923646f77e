"""The local cluster's node: a process that holds namespaces of its own, and whatever runs in them.

The node's first process holds a PID, a mount and a network namespace. When it dies, the kernel kills every process in
the PID namespace, containers included, and with the last of them go all mounts that were made in the mount namespace:
ending a cluster, even a crashed one, is to kill one process. Folders in which the components keep things at fixed paths
are the cluster's own.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cluster import network
from dev.cluster.layout import Layout
from dev.cluster.processes import find_processes
from dev.cluster.waiting import log_tail, wait_until
from dev.errors import DevError

INIT = "pause"
HOLDER = "unshare"
START_SECONDS = 5.0
STOP_SECONDS = 20.0

OWN_FOLDERS = {
    "/run": "run",
    "/var/log": "log",
    "/var/lib/cni": "cni/state",
    "/var/lib/kubelet": "kubelet",
}
"""What is mounted over the host's folders in the node: path in the node → path in the state folder."""


@dataclass(frozen=True, slots=True)
class Node:
    """A running node."""

    layout: Layout
    init: int
    """The first process's id, as the host counts."""

    @classmethod
    def start(cls, layout: Layout, pause: Path) -> "Node":
        """Start the first process in new namespaces and give the node its own folders.

        Raises:
            DevError: where the kernel refuses.
        """
        for folder in OWN_FOLDERS.values():
            (layout.state / folder).mkdir(parents=True, exist_ok=True)
        namespaces = ["--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child", "--mount-proc"]
        join = ["nsenter", f"--net={network.NAMESPACES / layout.node}"]
        mark, log = f"--node={layout.state}", layout.logs / "node.log"
        _detach([*join, HOLDER, *namespaces, "--", str(pause), mark], log)
        wait_until(lambda: find_node(layout) is not None, "the node", START_SECONDS, lambda: log_tail(log) or None)
        node = find_node(layout)
        if node is None:
            raise DevError("the node's first process has ended at once")
        for path, folder in OWN_FOLDERS.items():
            Path(path).mkdir(parents=True, exist_ok=True)
            node.run(["mount", "--bind", str(layout.state / folder), path])
        return node

    def spawn(self, name: str, command: Sequence[str]) -> None:
        """Start a process in the node, with a log of its name; the node's first process is its parent."""
        _detach([*self._enter(), "setsid", "--fork", *command], self.layout.logs / f"{name}.log")

    def run(self, command: Sequence[str], stdin: Path = Path(os.devnull)) -> str:
        """Run a command in the node and return what it prints.

        Raises:
            DevError: with what the command says, where it fails.
        """
        with stdin.open("rb") as source:
            result = subprocess.run(
                [*self._enter(), *command], stdin=source, capture_output=True, text=True, check=False
            )
        if result.returncode != 0:
            raise DevError(f"{' '.join(command)}: {(result.stderr or result.stdout).strip()}")
        return result.stdout

    def _enter(self) -> list[str]:
        return ["nsenter", f"--target={self.init}", "--mount", "--net", "--pid", "--"]


def find_node(layout: Layout) -> Node | None:
    """Return the node where its first process runs."""
    found = find_processes(frozenset({INIT}), layout.state)
    return Node(layout, found[0].pid) if found else None


def kill(layout: Layout) -> None:
    """Kill the node with everything in it, as far as it runs, and wait until it is gone.

    Raises:
        DevError: where a process of it outlives that.
    """
    names = frozenset({INIT, HOLDER})
    for process in find_processes(names, layout.state):
        _kill(process.pid)
    wait_until(lambda: not find_processes(names, layout.state), "the end of the node", STOP_SECONDS, lambda: None)


def remove_state(layout: Layout) -> None:
    """Remove the state folder, and the mount points on the host that are empty.

    Raises:
        DevError: where something is still mounted below it; then nothing is removed.
    """
    mounted = mounts_below(layout.state)
    if mounted:
        raise DevError(f"{mounted[0]} is still mounted: umount it, then try again")
    if layout.state.exists():
        shutil.rmtree(layout.state)
    for path in OWN_FOLDERS:
        with contextlib.suppress(OSError):
            Path(path).rmdir()


def mounts_below(folder: Path) -> list[str]:
    """Return the host's mount points in a folder."""
    points = [line.split(" ")[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in points if point.startswith(f"{folder}/")]


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _detach(command: Sequence[str], log: Path) -> None:
    """Start a process that outlives this one, in a session of its own, as nobody's child."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        subprocess.run(
            ["setsid", "--fork", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True, cwd="/"
        )
