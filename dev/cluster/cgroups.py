"""Control groups of a cluster: one tree in each mounted hierarchy (several in version 1, one in version 2)."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from dev.errors import DevError

MOUNTS = Path("/proc/self/mounts")
NEEDED = frozenset({"cpu", "memory", "pids"})
REMOVE_SECONDS = 10.0


def hierarchies(mounts: str) -> list[Path]:
    """Read the mount points of all cgroup hierarchies from the text of /proc/self/mounts."""
    fields = (line.split(" ") for line in mounts.splitlines())
    return [Path(field[1]) for field in fields if field[2] in ("cgroup", "cgroup2")]


def controllers(mounts: str) -> set[str]:
    """Read which controllers there are: version 1's from mount options, version 2's from a file of its root."""
    found: set[str] = set()
    for line in mounts.splitlines():
        _, point, kind, options, *_ = line.split(" ")
        if kind == "cgroup":
            found.update(options.split(","))
        elif kind == "cgroup2":
            listing = Path(point) / "cgroup.controllers"
            found.update(listing.read_text().split() if listing.exists() else [])
    return found


def missing_controllers() -> set[str]:
    """Name the controllers without which pods cannot run and that this machine lacks."""
    return set(NEEDED - controllers(MOUNTS.read_text()))


def create(name: str) -> None:
    """Make the cluster's cgroup everywhere; kubelet refuses to make its own root."""
    for point in hierarchies(MOUNTS.read_text()):
        _delegate(point)
        group = point / name
        group.mkdir(exist_ok=True)
        _delegate(group)
        for setting in ("cpuset.cpus", "cpuset.mems"):  # in version 1 a new group may use none until it is told
            inherited, own = point / setting, group / setting
            if inherited.exists() and own.exists() and not own.read_text().strip():
                own.write_text(inherited.read_text())


def _delegate(group: Path) -> None:
    """Hand a version 2 group's controllers on to its children; nothing to do in version 1."""
    available, handed_on = group / "cgroup.controllers", group / "cgroup.subtree_control"
    if handed_on.exists():
        wanted = set(available.read_text().split()) - set(handed_on.read_text().split())
        if wanted:
            handed_on.write_text(" ".join(f"+{controller}" for controller in sorted(wanted)))


def processes(name: str) -> set[int]:
    """Return the ids of all processes in the cluster's cgroups."""
    return {int(pid) for group in _groups(name) for pid in _lines(group / "cgroup.procs")}


def remove(name: str) -> None:
    """Remove the cluster's cgroups, the innermost first, once their last processes are gone.

    Raises:
        DevError: where one cannot be removed.
    """
    deadline = time.monotonic() + REMOVE_SECONDS
    while left := [group for group in _groups(name) if not _removed(group)]:
        if time.monotonic() > deadline:
            raise DevError(f"{left[0]} cannot be removed: a process is still in it")
        time.sleep(0.05)


def exist(name: str) -> list[Path]:
    """Return the cluster's cgroups that there are."""
    return list(_groups(name))


def _groups(name: str) -> Iterator[Path]:
    for point in hierarchies(MOUNTS.read_text()):
        top = point / name
        if top.is_dir():
            yield from sorted((path for path in (top, *top.rglob("*")) if path.is_dir()), reverse=True)


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _lines(path: Path) -> Iterable[str]:
    try:
        return path.read_text().split()
    except OSError:
        return ()
