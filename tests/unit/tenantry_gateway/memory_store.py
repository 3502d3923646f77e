"""A store in memory, for tests that slow it down, fence it off or write it behind a turn's back."""

from __future__ import annotations

from collections.abc import Sequence

from tenantry_gateway.sessions.cache import MAX_BYTES, MAX_SESSIONS, TranscriptCache
from tenantry_gateway.sessions.steps import Step
from tenantry_gateway.sessions.store import EpochFenced, SequenceConflict
from tenantry_gateway.sessions.transcript import SessionId, Transcript, Turn
from tenantry_gateway.sessions.window import newest_turns


class MemoryStore:
    """At most `max_sessions` sessions of `max_bytes` together; each keeps what a window can hold."""

    def __init__(self, *, max_sessions: int = MAX_SESSIONS, max_bytes: int = MAX_BYTES, epoch: int = 1) -> None:
        self._cache = TranscriptCache(max_sessions=max_sessions, max_bytes=max_bytes)
        self._epoch = epoch

    @property
    def epoch(self) -> int:
        """The epoch in which turns are accepted."""
        return self._epoch

    def __len__(self) -> int:
        return len(self._cache)

    def begin_epoch(self, epoch: int) -> None:
        """Accept turns of `epoch` alone from now on."""
        self._epoch = epoch

    async def load(self, session: SessionId) -> Transcript:
        """The session's newest turns; it becomes the most recently used."""
        return self._cache.get(session) or Transcript()

    async def commit(
        self, session: SessionId, turn: Turn, *, expected: int, epoch: int, events: Sequence[object] = ()
    ) -> int:
        """Add `turn`; raises SequenceConflict or EpochFenced.

        A session that went for lack of room between load and commit goes on at its number, with this turn alone.
        """
        del events
        if epoch != self._epoch:
            raise EpochFenced(epoch, self._epoch)
        known = self._cache.get(session) or Transcript(expected)
        if known.sequence != expected:
            raise SequenceConflict(expected, known.sequence)
        self._cache.put(session, Transcript(expected + 1, newest_turns((*known.turns, turn))))
        return expected + 1

    async def keep_step(self, session: SessionId, turn_id: str, actor: str, step: Step) -> None:
        """Nothing: no other process goes on with a turn of this one."""

    async def steps(self, session: SessionId, turn_id: str) -> list[Step]:
        """None are kept."""
        del session, turn_id
        return []

    async def find(self, session: SessionId, turn_id: str) -> Turn | None:
        """The turn, if it is still in memory."""
        turns = (self._cache.get(session) or Transcript()).turns
        return next((turn for turn in turns if turn.id == turn_id), None)
