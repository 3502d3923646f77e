"""The state directory, opened: lock, audit log, writer. One process has it at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tenantry_config.errors import ConfigError
from tenantry_gateway.audit.chain import Head
from tenantry_gateway.audit.key import audit_key
from tenantry_gateway.audit.log import AuditLog
from tenantry_gateway.storage.disk import Disk
from tenantry_gateway.storage.lock import StateLock
from tenantry_gateway.storage.writer import Writer

logger = logging.getLogger(__name__)


class StateDirectory:
    """Open it within a running loop, and close it when nothing writes any more."""

    def __init__(self, path: Path, disk: Disk, now: Callable[[], datetime]) -> None:
        self.path = path
        self._disk = disk
        self._now = now
        self._lock = StateLock(path)
        self._key: bytes | None = None
        self._log: AuditLog | None = None
        self._writer: Writer | None = None

    @property
    def writer(self) -> Writer:
        """What writes it."""
        if self._writer is None:
            raise RuntimeError("the state directory is not open")
        return self._writer

    @property
    def head(self) -> Head:
        """The audit log's."""
        return self._log.head if self._log is not None else Head()

    @property
    def key(self) -> bytes:
        """The audit log's; never shown."""
        if self._key is None:
            raise RuntimeError("the state directory is not open")
        return self._key

    def open(self, key: str | None) -> None:
        """Take the lock and find the audit log's end; `key` is AUDIT_KEY's value.

        Raises ConfigError where another process has it or it cannot be written.
        """
        self._lock.acquire()
        try:
            self._key = audit_key(self.path, key)
            self._log = AuditLog(self.path, self._key, self._disk, self._now)
            self._log.open()
        except OSError as error:
            self._lock.release()
            raise ConfigError("CLAWDBOT_STATE_DIR", f"{self.path} cannot be read: {error.strerror}") from error
        self._writer = Writer(self._log, self._disk)
        self.tell_head()

    def tell_head(self) -> None:
        """Tell the process's log how far the audit log goes: `audit verify --head` finds out what was cut off since."""
        if self._log is not None:
            logger.info("audit head", extra={"audit_head": str(self._log.head), "audit_epoch": self._log.head.epoch})

    async def close(self) -> None:
        """Write what was handed in, and give everything back."""
        if self._writer is not None:
            await self._writer.close()
        if self._log is not None:
            self.tell_head()
            self._log.close()
        self._lock.release()
