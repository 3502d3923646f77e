"""One process writes a state directory: two would write over each other."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from tenantry_config.errors import ConfigError
from tenantry_gateway.storage.disk import DIRECTORY_MODE, FILE_MODE

NAME: Final = ".lock"


class InUse(ConfigError):
    """Another gateway has it."""


class StateLock:
    """Held until the process ends, however it ends: the kernel gives it back."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take it; raises InUse where another process has it, ConfigError where the directory cannot be written."""
        try:
            self._path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise ConfigError(
                "CLAWDBOT_STATE_DIR", f"{self._path.parent} cannot be written: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise InUse(
                "CLAWDBOT_STATE_DIR",
                f"{self._path.parent} is in use by another gateway: end it, or name another directory",
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
