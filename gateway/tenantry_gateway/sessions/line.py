"""Whose turn it is: the messages of one session are answered one at a time, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tenantry_gateway.errors import TooManyRequests
from tenantry_gateway.sessions.transcript import SessionId

MAX_WAITING: Final = 16
_RETRY_AFTER: Final = 5.0


@dataclass(slots=True)
class _Line:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    present: int = 0
    """The message being answered and those that wait."""


class Lines:
    """One line for each session that has messages; none is kept for the others."""

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._lines: dict[SessionId, _Line] = {}
        self._max_waiting = max_waiting

    def __len__(self) -> int:
        return len(self._lines)

    @asynccontextmanager
    async def turn(self, session: SessionId) -> AsyncIterator[None]:
        """Wait for the session's turn and hold it; raises TooManyRequests where too many wait already."""
        line = self._lines.setdefault(session, _Line())
        if line.present > self._max_waiting:
            raise TooManyRequests(
                f"{self._max_waiting} messages of this session are waiting already", retry_after=_RETRY_AFTER
            )
        line.present += 1
        try:
            async with line.lock:
                yield
        finally:
            line.present -= 1
            if not line.present:
                del self._lines[session]
