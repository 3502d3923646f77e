"""Conversations in files, one a session: a turn is acknowledged once its line cannot be lost."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from tenantry_gateway.errors import StorageDamaged
from tenantry_gateway.sessions.cache import TranscriptCache
from tenantry_gateway.sessions.paths import session_file
from tenantry_gateway.sessions.record import (
    Committed,
    Damaged,
    SessionFile,
    read_end,
    read_session,
    step_line,
    turn_line,
)
from tenantry_gateway.sessions.steps import Step
from tenantry_gateway.sessions.store import EpochFenced, SequenceConflict
from tenantry_gateway.sessions.transcript import SessionId, Transcript, Turn
from tenantry_gateway.sessions.window import newest_turns
from tenantry_gateway.storage.log_file import read_lines
from tenantry_gateway.storage.writer import Writer

END_BYTES: Final = 4 * 1024 * 1024
"""Of a longer file the end alone is read: it holds what a window can hold."""

logger = logging.getLogger(__name__)


class FileStore:
    """The sessions of a state directory that this process alone writes."""

    def __init__(
        self, state_dir: Path, writer: Writer, now: Callable[[], datetime], cache: TranscriptCache | None = None
    ) -> None:
        self.state_dir = state_dir
        self._writer = writer
        self._now = now
        self._cache = cache or TranscriptCache()

    @property
    def epoch(self) -> int:
        """The only one: a process that has the directory's lock is the writer until it ends."""
        return 1

    def __len__(self) -> int:
        return len(self._cache)

    async def load(self, session: SessionId) -> Transcript:
        """The session's newest turns; raises StorageDamaged where its file cannot be read."""
        known = self._cache.get(session)
        if known is None:
            known = await asyncio.to_thread(self._read, session) if self._is_kept(session) else Transcript()
            self._cache.put(session, known)
        return known

    async def commit(
        self, session: SessionId, turn: Turn, *, expected: int, epoch: int, events: Sequence[object] = ()
    ) -> int:
        """Add `turn` after `events` are in the audit log; raises SequenceConflict, EpochFenced or StorageFailed."""
        if epoch != self.epoch:
            raise EpochFenced(epoch, self.epoch)
        known = await self._before(session, expected)
        if known.sequence != expected:
            raise SequenceConflict(expected, known.sequence)
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = turn_line(session, Committed(expected + 1, time, turn))
        path = session_file(self.state_dir, session) if session.persistent else None
        await self._writer.write(events, path, line if path else b"")
        self._cache.put(session, Transcript(expected + 1, newest_turns((*known.turns, turn))))
        return expected + 1

    async def _before(self, session: SessionId, expected: int) -> Transcript:
        """What a turn is added to. A session without a file that went for lack of room goes on at its number."""
        if not session.persistent and self._cache.get(session) is None:
            return Transcript(expected)
        return await self.load(session)

    async def keep_step(self, session: SessionId, turn_id: str, actor: str, step: Step) -> None:
        """Keep a step in the session's file; raises StorageFailed."""
        if session.persistent:
            path = session_file(self.state_dir, session)
            await self._writer.write((), path, step_line(session, turn_id, actor, step))

    async def steps(self, session: SessionId, turn_id: str) -> list[Step]:
        """The steps that are kept of a turn; raises StorageDamaged."""
        if not session.persistent:
            return []
        read = await asyncio.to_thread(self._read_file, session)
        return [step for of, step in read.steps if of == turn_id]

    async def find(self, session: SessionId, turn_id: str) -> Turn | None:
        """The committed turn of that id; raises StorageDamaged."""
        if session.persistent:
            turns = [one.turn for one in await self.turns(session)]
        else:
            turns = list((await self.load(session)).turns)
        return next((turn for turn in reversed(turns) if turn.id == turn_id), None)

    async def turns(self, session: SessionId) -> list[Committed]:
        """Every turn of a session; raises StorageDamaged."""
        return (await asyncio.to_thread(self._read_file, session)).turns

    async def delete(self, session: SessionId, events: Sequence[object]) -> None:
        """Delete a session's file after `events` are in the audit log; raises StorageFailed. Hold its line."""
        await self._writer.remove(events, session_file(self.state_dir, session))
        self._cache.drop(session)

    def _is_kept(self, session: SessionId) -> bool:
        """Whether there is a file: a look at it costs less than a thread that finds none."""
        return session.persistent and session_file(self.state_dir, session).exists()

    def _read(self, session: SessionId) -> Transcript:
        path = session_file(self.state_dir, session)
        if path.stat().st_size > END_BYTES:
            ended = self._used(session, lambda: read_end(session, *_ends(path, END_BYTES)))
            window = newest_turns([one.turn for one in ended.turns])
            if len(window) < len(ended.turns):  # It is full: what comes before does not matter.
                return Transcript(ended.turns[-1].number, window)
        committed = self._read_file(session).turns
        return Transcript(len(committed), newest_turns([one.turn for one in committed]))

    def _read_file(self, session: SessionId) -> SessionFile:
        path = session_file(self.state_dir, session)
        return self._used(session, lambda: read_session(session, read_lines(path)))

    def _used(self, session: SessionId, read: Callable[[], SessionFile]) -> SessionFile:
        try:
            return read()
        except (OSError, Damaged) as error:
            path = session_file(self.state_dir, session)
            logger.critical("the session's file %s cannot be used: %s", path, error)
            raise StorageDamaged("this session's file is damaged; the gateway's log names it and says why") from error


def _ends(path: Path, size: int) -> tuple[bytes, list[bytes]]:
    """A file's first line, and the whole lines among its last bytes."""
    with path.open("rb") as file:
        first = file.readline().rstrip(b"\n")
        file.seek(-size, os.SEEK_END)
        end = file.read()
    return first, end.split(b"\n")[1:-1]
