"""One client's WebSocket: its calls, what is sent to it, and its end.

Frames go out in order and none is dropped. What a client does not read is kept for it up to a bound; a client that is
slower than that is closed with 1013 and finds the conversation in its session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from aiohttp import WSCloseCode, web

from tenantry_gateway.websocket.frames import Event

logger = logging.getLogger(__name__)

MAX_FRAME: Final = 512 * 1024
MAX_UNSENT: Final = 1536 * 1024
_NO_LIMIT: Final = 1 << 40
"""aiohttp would make a sender wait for the client; here the client is closed instead."""
_HEARTBEAT_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 3.0
_MAX_REASON: Final = 123
"""Bytes that a close frame holds besides its code (RFC 6455, 5.5)."""


class Connection:
    """Opened by `prepare`."""

    def __init__(self) -> None:
        self.socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_SECONDS,
            timeout=_CLOSE_SECONDS,
            max_msg_size=MAX_FRAME,
            compress=False,
            writer_limit=_NO_LIMIT,
        )
        self._request: web.BaseRequest | None = None
        self._sequence = 0
        self.calls: dict[str, asyncio.Task[None]] = {}
        """Calls without an answer yet, by the client's id."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Answer the upgrade; raises web.HTTPException for a request that asks for none."""
        await self.socket.prepare(request)
        self._request = request

    async def event(self, name: str, payload: Mapping[str, object], call: str | None = None) -> None:
        """Send an event; raises ConnectionError when the client is gone or too slow."""
        self._sequence += 1
        await self.send(Event(name, self._sequence, payload, call).text())

    async def send(self, text: str) -> None:
        """Send a frame; raises ConnectionError when the client is gone or too slow."""
        if self.socket.closed:
            raise ConnectionResetError("the client is gone")
        await self.socket.send_str(text)
        if self._unsent() > MAX_UNSENT:
            await self._drop_slow_client()
            raise ConnectionResetError("the client does not read")

    async def close(self, code: int, reason: str) -> None:
        """Close; a client that does not answer is cut off after three seconds."""
        text = reason.encode("utf-8", "replace")[:_MAX_REASON].decode("utf-8", "ignore")
        await self.socket.close(code=code, message=text.encode(), drain=False)

    def cancel_calls(self) -> None:
        """End the calls whose client is gone."""
        for task in self.calls.values():
            task.cancel()

    def _unsent(self) -> int:
        transport = self._request.transport if self._request is not None else None
        return transport.get_write_buffer_size() if isinstance(transport, asyncio.WriteTransport) else 0

    async def _drop_slow_client(self) -> None:
        logger.info("a client that does not read is closed", extra={"unsent_bytes": self._unsent()})
        transport = self._request.transport if self._request is not None else None
        await self.close(WSCloseCode.TRY_AGAIN_LATER, "slow client: reconnect and read the session")
        if isinstance(transport, asyncio.WriteTransport):
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, transport.abort)
