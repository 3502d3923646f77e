"""Server-sent events, with comments as heartbeats so that no proxy gives up on a quiet stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiohttp import web

HEARTBEAT_SECONDS: Final = 15.0
_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class EventStream:
    """A response that starts with its first event or heartbeat, so that an early error can still have a status."""

    def __init__(self, request: web.Request, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._request = request
        self._response = web.StreamResponse(headers=_HEADERS)
        self._heartbeat_seconds = heartbeat_seconds
        self._writing = asyncio.Lock()
        self._quiet = True

    @property
    def started(self) -> bool:
        """Whether the status is sent."""
        return self._response.prepared

    async def text(self, text: str) -> None:
        """A `delta` event."""
        await self.send("delta", {"text": text})

    async def send(self, event: str, data: object) -> None:
        """One event; raises ConnectionError when the client is gone."""
        await self._write(f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n")

    async def finish(self) -> web.StreamResponse:
        """End the stream."""
        await self._response.write_eof()
        return self._response

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """Send a comment whenever nothing was sent for a while."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _beat(self) -> None:
        """Beat until cancelled, or until the client is gone, which the next event tells the writer."""
        with suppress(ConnectionError):
            while True:
                self._quiet = True
                await asyncio.sleep(self._heartbeat_seconds)
                if self._quiet:
                    await self._write(": heartbeat\n\n")

    async def _write(self, text: str) -> None:
        async with self._writing:
            self._quiet = False
            if not self._response.prepared:
                await self._response.prepare(self._request)
            await self._response.write(text.encode())
