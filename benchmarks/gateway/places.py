"""Where what is measured keeps its state: in memory and on a disk, since durability costs what the disk takes."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - a tmpfs, on purpose
TMPFS = "tmpfs"
DISK = "disk"


@contextmanager
def places() -> Iterator[dict[str, Path]]:
    """Fresh directories by kind; on a disk alone where there is no tmpfs, or where temporary files are on one."""
    with ExitStack() as stack:
        found: dict[str, Path] = {}
        if filesystem(MEMORY) == TMPFS:
            found[TMPFS] = _fresh(stack, MEMORY)
        found[DISK] = _fresh(stack, Path(tempfile.gettempdir()))
        yield found


def filesystem(path: Path) -> str:
    """The type of the file system that a path is on; empty where the kernel does not tell."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(point, kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    return max(holding, key=lambda each: len(each[0]), default=("", ""))[1]


def _fresh(stack: ExitStack, parent: Path) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-gateway-", dir=parent)))
