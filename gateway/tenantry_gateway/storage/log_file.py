"""A file of JSON lines that only grows. What was confirmed stays; a line that a crash cut off or tore never counts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tenantry_gateway.storage.disk import Disk

_READ: Final = 1 << 20


class LogFile:
    """Lines of JSON, each ended by a newline. Not for two threads at a time."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._disk = disk
        self._descriptor: int | None = None
        self._length = 0
        self._clean = False
        """Whether nothing stands behind the confirmed length."""

    def append(self, data: bytes) -> None:
        """Add whole lines and return once they cannot be lost.

        Raises OSError; then none of them is in the file, now or after a crash: a sync that failed may have lost pages
        that later ones would not report, so that nothing behind the confirmed length is believed again.
        """
        descriptor = self._open()
        try:
            if not self._clean:
                self._cut(descriptor)
            self._clean = False
            self._disk.write(descriptor, data, self._length)
            self._disk.sync(descriptor)
        except OSError:
            self._try_to_cut(descriptor)
            raise
        self._length += len(data)
        self._clean = True

    def close(self) -> None:
        """Give back the descriptor; the next append opens the file anew."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def length(self) -> int:
        """Confirmed bytes, once something was appended."""
        return self._length

    def _open(self) -> int:
        if self._descriptor is None:
            descriptor = self._disk.open(self.path)
            size = os.fstat(descriptor).st_size
            self._length = _sound(descriptor, size)
            self._clean = self._length == size
            self._descriptor = descriptor
        return self._descriptor

    def _cut(self, descriptor: int) -> None:
        self._disk.truncate(descriptor, self._length)
        self._disk.sync(descriptor)

    def _try_to_cut(self, descriptor: int) -> None:
        """Take back what may be there; where that fails, too, the next append does it first."""
        try:
            self._cut(descriptor)
        except OSError:
            return
        self._clean = True


def _sound(descriptor: int, size: int) -> int:
    """How many bytes are whole lines of JSON: after a loss of power, the last one may have its end and holes in it."""
    end = _whole(descriptor, size)
    start = _whole(descriptor, end - 1) if end else 0
    return end if is_json(os.pread(descriptor, end - start, start)) or not end else start


def is_json(line: bytes) -> bool:
    """Whether a line is what was written, as far as that can be seen."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _whole(descriptor: int, size: int) -> int:
    """How many of a file's first `size` bytes are whole lines."""
    end = size
    while end > 0:
        start = max(0, end - _READ)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def read_lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, without their newlines; none where there is no file."""
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]
    except FileNotFoundError:
        return
