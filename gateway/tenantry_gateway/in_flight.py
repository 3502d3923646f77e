"""Work that is under way: a process that is stopping waits for it."""

from __future__ import annotations

import asyncio


class InFlight:
    """How many requests are being answered, and a way to wait until there is none."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __int__(self) -> int:
        return self._count

    def begin(self) -> None:
        """A request came."""
        self._count += 1
        self._idle.clear()

    def end(self) -> None:
        """A request was answered, or its client left."""
        self._count -= 1
        if not self._count:
            self._idle.set()

    async def idle(self) -> None:
        """Return as soon as no request is being answered."""
        await self._idle.wait()
