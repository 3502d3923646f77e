"""The system calls that write. Everything durable goes through one `Disk`, so that a test can let each of them fail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700


class Disk:
    """The operating system's."""

    def open(self, path: Path) -> int:
        """A descriptor for reading and writing; the file is made if need be, its directories, too, all durably."""
        self.make_directories(path.parent)
        new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        if new:
            self.sync_directory(path.parent)
        return descriptor

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        """Write all of `data` at `offset`."""
        rest = memoryview(data)
        while rest:
            written = os.pwrite(descriptor, rest, offset)
            rest, offset = rest[written:], offset + written

    def sync(self, descriptor: int) -> None:
        """Return once what was written survives a loss of power."""
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        """Cut the file."""
        os.ftruncate(descriptor, length)

    def remove(self, path: Path) -> None:
        """Remove a file, durably; one that is not there is gone."""
        path.unlink(missing_ok=True)
        self.sync_directory(path.parent)

    def sync_directory(self, path: Path) -> None:
        """Return once the directory's entries survive a loss of power."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def make_directories(self, path: Path) -> None:
        """Make a directory and those above it, durably."""
        if path.is_dir():
            return
        self.make_directories(path.parent)
        path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        self.sync_directory(path.parent)
