"""One thread that writes: what arrives while it waits for the disk is confirmed together, by one sync a file.

A record says what happened to whom (the audit log) before the thing itself is kept (a session): nothing is ever kept
that the audit log does not know of.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final, Protocol

from tenantry_gateway.errors import StorageFailed
from tenantry_gateway.storage.disk import Disk
from tenantry_gateway.storage.log_file import LogFile

logger = logging.getLogger(__name__)

_OPEN_FILES: Final = 512
_BATCH: Final = 512
_SCRATCH: Final = b"{}\n" * 8192


class Chronicle(Protocol):
    """The log in which everything is written first. Called by the writer's thread alone."""

    def append(self, events: Sequence[object]) -> None:
        """Write events and return once they cannot be lost; raises OSError, and then none was written."""
        ...


@dataclass(slots=True)
class _Entry:
    """What is confirmed as one: events, then perhaps lines of one file."""

    events: tuple[object, ...]
    path: Path | None = None
    data: bytes | None = b""
    """None: the file goes."""
    done: asyncio.Future[None] | None = None
    """None: nobody waits."""


class Writer:
    """Start it within a running loop; `close` waits for what was handed in."""

    def __init__(self, chronicle: Chronicle, disk: Disk) -> None:
        self._chronicle = chronicle
        self._disk = disk
        self._loop = asyncio.get_running_loop()
        self._entries: SimpleQueue[_Entry | None] = SimpleQueue()
        self._files: OrderedDict[Path, LogFile] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()
        self.problem: str | None = None
        """Why an attempt to write failed; None once `try_again` succeeds."""

    async def write(self, events: Sequence[object], path: Path | None = None, data: bytes = b"") -> None:
        """Return once `events`, and then whole lines `data` at the end of the file, cannot be lost.

        Raises StorageFailed: then the caller must not acknowledge; of the lines nothing is in the file.
        """
        done = self._loop.create_future()
        self._entries.put(_Entry(tuple(events), path, data, done))
        await done

    async def remove(self, events: Sequence[object], path: Path) -> None:
        """Return once `events` cannot be lost and the file is gone for good; raises StorageFailed."""
        done = self._loop.create_future()
        self._entries.put(_Entry(tuple(events), path, None, done))
        await done

    async def try_again(self, events: Sequence[object], scratch: Path) -> None:
        """See whether events, and a file that takes room of its own, can be written; raises StorageFailed.

        A small write that fits the last block of a file proves nothing about a disk that is full.
        """
        await self.write(events, scratch, _SCRATCH)
        await self.remove((), scratch)
        if self.problem is not None:
            logger.info("the state can be written again")
        self.problem = None

    def note(self, *events: object) -> None:
        """Write events before everything that is handed in later; nobody waits for it."""
        self._entries.put(_Entry(events))

    async def close(self) -> None:
        """Write what was handed in, and end."""
        self._entries.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        ending = False
        while not ending:
            batch = [self._entries.get()]
            while len(batch) < _BATCH and not self._entries.empty():
                batch.append(self._entries.get())
            ending = None in batch
            entries = [entry for entry in batch if entry is not None]
            failures = self._attempt(entries)
            self._loop.call_soon_threadsafe(self._confirm, entries, failures)
        for file in self._files.values():
            file.close()

    def _attempt(self, entries: Sequence[_Entry]) -> dict[int, OSError]:
        """As `_write`; a fault of the program fails the batch, and not all that would come after it."""
        try:
            return self._write(entries)
        except Exception:
            logger.exception("a batch could not be written")
            return dict.fromkeys(range(len(entries)), OSError(errno.EIO, "a fault of the gateway itself; see its log"))

    def _write(self, entries: Sequence[_Entry]) -> dict[int, OSError]:
        """Write a batch; the errors by the index of the entry that they concern."""
        try:
            events = [event for entry in entries for event in entry.events]
            if events:
                self._chronicle.append(events)
        except OSError as error:
            return dict.fromkeys(range(len(entries)), error)
        failures: dict[int, OSError] = {}
        for path, indices in _by_path(entries).items():
            try:
                self._apply(path, [entries[index].data for index in indices])
            except OSError as error:
                failures |= dict.fromkeys(indices, error)
        return failures

    def _apply(self, path: Path, pieces: Sequence[bytes | None]) -> None:
        """Append to a file, or remove it; whoever removes a file waits, so that nothing else concerns it then."""
        if None in pieces:
            file = self._files.pop(path, None)
            if file is not None:
                file.close()
            self._disk.remove(path)
            return
        self._file(path).append(b"".join(piece for piece in pieces if piece is not None))

    def _file(self, path: Path) -> LogFile:
        file = self._files.pop(path, None) or LogFile(path, self._disk)
        self._files[path] = file
        if len(self._files) > _OPEN_FILES:
            _, oldest = self._files.popitem(last=False)
            oldest.close()
        return file

    def _confirm(self, entries: Sequence[_Entry], failures: dict[int, OSError]) -> None:
        for index, entry in enumerate(entries):
            if entry.done is None or entry.done.done():
                continue
            if index in failures:
                entry.done.set_exception(StorageFailed(failures[index].strerror or "unknown error"))
                entry.done.exception()  # Whoever waited may be gone.
            else:
                entry.done.set_result(None)
        if failures:
            reason = next(iter(failures.values())).strerror or "unknown"
            if self.problem != reason:
                logger.error("the state cannot be written: %s", reason)
            self.problem = reason


def _by_path(entries: Sequence[_Entry]) -> dict[Path, list[int]]:
    found: dict[Path, list[int]] = {}
    for index, entry in enumerate(entries):
        if entry.path is not None:
            found.setdefault(entry.path, []).append(index)
    return found
