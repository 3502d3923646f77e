"""Conversations in memory: they end with the process, and the longest unused go when the bounds are reached."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from tenantry_gateway.sessions.store import EpochFenced, SequenceConflict
from tenantry_gateway.sessions.transcript import SessionId, Transcript, Turn
from tenantry_gateway.sessions.window import newest_turns

MAX_SESSIONS: Final = 10_000
MAX_BYTES: Final = 64 * 1024 * 1024
"""Of all texts together: with the SDK's 130 MiB it leaves half of the pod's 512 MiB free."""
_SESSION_OVERHEAD: Final = 512
_TURN_OVERHEAD: Final = 128


@dataclass(slots=True)
class _Entry:
    transcript: Transcript
    cost: int


class MemoryStore:
    """At most `max_sessions` sessions of `max_bytes` together; each keeps what a window can hold."""

    def __init__(self, *, max_sessions: int = MAX_SESSIONS, max_bytes: int = MAX_BYTES, epoch: int = 1) -> None:
        self._entries: OrderedDict[SessionId, _Entry] = OrderedDict()
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._cost = 0
        self._epoch = epoch

    @property
    def epoch(self) -> int:
        """The epoch in which turns are accepted."""
        return self._epoch

    def __len__(self) -> int:
        return len(self._entries)

    def begin_epoch(self, epoch: int) -> None:
        """Accept turns of `epoch` alone from now on."""
        self._epoch = epoch

    async def load(self, session: SessionId) -> Transcript:
        """The session's newest turns; it becomes the most recently used."""
        entry = self._entries.get(session)
        if entry is None:
            return Transcript()
        self._entries.move_to_end(session)
        return entry.transcript

    async def commit(self, session: SessionId, turn: Turn, *, expected: int, epoch: int) -> int:
        """Add `turn`; raises SequenceConflict or EpochFenced.

        A session that went for lack of room between load and commit goes on at its number, with this turn alone.
        """
        if epoch != self._epoch:
            raise EpochFenced(epoch, self._epoch)
        entry = self._entries.pop(session, None)
        if entry is not None and entry.transcript.sequence != expected:
            self._entries[session] = entry
            raise SequenceConflict(expected, entry.transcript.sequence)
        turns = newest_turns((*(entry.transcript.turns if entry else ()), turn))
        cost = _SESSION_OVERHEAD + sum(kept.size + _TURN_OVERHEAD for kept in turns)
        self._entries[session] = _Entry(Transcript(expected + 1, turns), cost)
        self._cost += cost - (entry.cost if entry else 0)
        self._evict()
        return expected + 1

    def _evict(self) -> None:
        """Drop the longest unused sessions until the bounds hold; the newest stays whatever its size."""
        while len(self._entries) > 1 and (len(self._entries) > self._max_sessions or self._cost > self._max_bytes):
            _, entry = self._entries.popitem(last=False)
            self._cost -= entry.cost
