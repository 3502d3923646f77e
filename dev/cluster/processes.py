"""Finding the processes of a cluster by what they are, not by a recorded pid: a pid may be another process's by now."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A running process: its id and its command line."""

    pid: int
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last part of the executable's path as the process was called."""
        return self.arguments[0].rpartition("/")[2]


def find_processes(names: frozenset[str], folder: Path) -> list[Process]:
    """Return the processes called by one of the names that mention a path in a folder in their arguments.

    The name keeps a pager that shows a log of that folder out of it.
    """
    return [each for each in _all_processes() if each.name in names and mentions(each.arguments, folder)]


def mentions(arguments: tuple[str, ...], folder: Path) -> bool:
    """Say whether an argument is, or ends in (`--flag=…`, `unix://…`), the folder or a path in it."""
    whole = str(folder)
    return any(argument.endswith(whole) or f"{whole}/" in argument for argument in arguments)


def _all_processes() -> Iterator[Process]:
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        arguments = tuple(part.decode(errors="replace") for part in line.rstrip(b"\0").split(b"\0"))
        if arguments[0]:
            yield Process(int(entry.name), arguments)
