"""Writes the audit log: a batch of events at a time, each chained to the one before, confirmed by one sync."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from tenantry_gateway.audit.chain import ChainBroken, Head, head_of, seal
from tenantry_gateway.audit.event import AuditEvent
from tenantry_gateway.audit.files import CURRENT, HEAD, audit_files, head_text, read_head, rotated_name
from tenantry_gateway.ids import new_ids
from tenantry_gateway.storage.disk import Disk
from tenantry_gateway.storage.log_file import LogFile, read_lines

logger = logging.getLogger(__name__)

MAX_BYTES: Final = 64 * 1024 * 1024
"""Size at which a file is rotated away."""


class AuditLog:
    """The log of one directory. Only one process may have it open: see `storage.lock`."""

    def __init__(
        self,
        folder: Path,
        key: bytes,
        disk: Disk,
        now: Callable[[], datetime],
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._folder = folder
        self._key = key
        self._disk = disk
        self._now = now
        self._ids = new_ids("evt")
        self._max_bytes = max_bytes
        self._file = LogFile(folder / CURRENT, disk)
        self._first = 0
        self._head_descriptor: int | None = None
        self.head = Head()
        """Of what is confirmed."""
        self._epoch = 0

    def open(self) -> None:
        """Find the end of the log and begin an epoch of its own; raises OSError.

        A log that does not end as it should is said so and continued from what its last line claims: the fault stays
        for `audit verify` to find.
        """
        last = self._last()
        if last is not None:
            self.head = self._claimed(last)
        kept = read_head(self._folder, self._key)
        if kept is not None and kept.number > self.head.number:
            logger.error("the audit log ends at %d, and %d had been written", self.head.number, kept.number)
            self.head = Head(kept.number, kept.epoch, kept.mac)
        self._epoch = self.head.epoch + 1
        self._first = self._first_number()

    def append(self, events: Sequence[object]) -> None:
        """Write events in order; raises OSError, and then none of them is in the log."""
        self._rotate_if_large()
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head, lines = self.head, []
        for fields in (*self._opening(), *map(_fields, events)):
            line, head = seal(self._key, head, self._epoch, {"time": time, "id": next(self._ids)} | fields)
            lines.append(line)
        self._file.append(b"".join(lines))
        self.head = head
        self._keep_head()

    def close(self) -> None:
        """Give back the descriptors."""
        self._file.close()
        if self._head_descriptor is not None:
            os.close(self._head_descriptor)
            self._head_descriptor = None

    def _claimed(self, last: bytes) -> Head:
        try:
            return head_of(last)
        except ChainBroken as error:
            logger.critical("the audit log's last line is not of its chain: %s", error)
            return Head()

    def _last(self) -> bytes | None:
        for path in reversed(audit_files(self._folder)):
            last = deque(read_lines(path), maxlen=1)
            if last:
                return last.pop()
        return None

    def _first_number(self) -> int:
        first = next(read_lines(self._folder / CURRENT), None)
        try:
            return head_of(first).number if first is not None else self.head.number + 1
        except ChainBroken:
            return self.head.number + 1

    def _rotate_if_large(self) -> None:
        if self._file.length < self._max_bytes:
            return
        self._file.close()
        (self._folder / CURRENT).rename(self._folder / rotated_name(self._first))
        self._disk.sync_directory(self._folder)
        self._file = LogFile(self._folder / CURRENT, self._disk)
        self._first = self.head.number + 1

    def _opening(self) -> tuple[dict[str, object], ...]:
        """A file's first line says what it follows, so that it can be verified once the files before it are gone."""
        if self._file.length or self._first != self.head.number + 1:
            return ()
        return ({"type": "audit.opened", "outcome": "success", "previous": self.head.mac},)

    def _keep_head(self) -> None:
        """Write the head beside the log once the log is confirmed; without a sync, so that it is never ahead."""
        try:
            if self._head_descriptor is None:
                self._head_descriptor = self._disk.open(self._folder / HEAD)
            self._disk.write(self._head_descriptor, head_text(self._key, self.head), 0)
        except OSError as error:
            logger.warning("the audit log's head cannot be written: %s", error.strerror)


def _fields(event: object) -> dict[str, object]:
    if not isinstance(event, AuditEvent):
        raise TypeError(f"no audit event: {event!r}")
    return event.fields()
