"""A disk that fails when a test says so, and that can lose its power."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tenantry_gateway.storage.disk import Disk


@dataclass
class FaultyDisk(Disk):
    """`fails` says which calls fail, by name: how many times, and with which errno."""

    fails: dict[str, list[int]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    half: bool = False
    """Whether a write that fails leaves half of its bytes."""

    def _maybe(self, call: str) -> None:
        self.calls[call] += 1
        if self.fails.get(call):
            code = self.fails[call].pop(0)
            if code:
                raise OSError(code, os.strerror(code))

    def open(self, path: Path) -> int:
        self._maybe("open")
        return super().open(path)

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        try:
            self._maybe("write")
        except OSError:
            if self.half:
                super().write(descriptor, data[: len(data) // 2], offset)
            raise
        super().write(descriptor, data, offset)

    def sync(self, descriptor: int) -> None:
        self._maybe("sync")
        super().sync(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        self._maybe("truncate")
        super().truncate(descriptor, length)


NO_SPACE = errno.ENOSPC
BROKEN = errno.EIO
