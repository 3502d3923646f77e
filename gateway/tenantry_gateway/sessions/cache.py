"""The conversations that were used last, kept in memory up to a bound."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from sys import getsizeof
from typing import Final

from tenantry_gateway.sessions.transcript import SessionId, Transcript, Turn

MAX_SESSIONS: Final = 10_000
MAX_BYTES: Final = 64 * 1024 * 1024
"""Of memory: with the SDK's 130 MiB it leaves half of the pod's 512 MiB free."""
_SESSION_OVERHEAD: Final = 448
_TURN_OVERHEAD: Final = 400
"""A turn besides its two texts: it, its id, stop reason and numbers. A test holds both to what is allocated."""


@dataclass(slots=True)
class _Entry:
    transcript: Transcript
    cost: int


class TranscriptCache:
    """At most `max_sessions` sessions of `max_bytes` together; the longest unused go first."""

    def __init__(self, *, max_sessions: int = MAX_SESSIONS, max_bytes: int = MAX_BYTES) -> None:
        self._entries: OrderedDict[SessionId, _Entry] = OrderedDict()
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._cost = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, session: SessionId) -> Transcript | None:
        """What is kept of a session, which becomes the most recently used."""
        entry = self._entries.get(session)
        if entry is None:
            return None
        self._entries.move_to_end(session)
        return entry.transcript

    def put(self, session: SessionId, transcript: Transcript) -> None:
        """Keep a transcript. The newest stays whatever its size."""
        self.drop(session)
        cost = _SESSION_OVERHEAD + sum(map(_cost, transcript.turns))
        self._entries[session] = _Entry(transcript, cost)
        self._cost += cost
        while len(self._entries) > 1 and (len(self._entries) > self._max_sessions or self._cost > self._max_bytes):
            _, entry = self._entries.popitem(last=False)
            self._cost -= entry.cost

    def drop(self, session: SessionId) -> None:
        """Forget a session."""
        entry = self._entries.pop(session, None)
        if entry is not None:
            self._cost -= entry.cost


def _cost(turn: Turn) -> int:
    """Bytes of memory, not of text: one character beyond Latin-1 makes a whole text two or four times as large."""
    return _TURN_OVERHEAD + getsizeof(turn.message) + getsizeof(turn.reply)
