"""Many clients at once, and how what they had begun ended when their gateway stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.integration.gateway_harness import SECONDS, Reachable, next_event

SLOW = "!chunk-delay 0.02 " + "word " * 30


@dataclass
class Crowd:
    """Clients of all kinds, and how what they had begun ended."""

    gateway: Reachable
    text: str = SLOW
    begun: int = 0
    """Streams whose first event came."""
    greeted: int = 0
    """WebSockets."""
    streams: list[str] = field(default_factory=list)
    """Last event of each stream whose status came."""
    hints: list[int] = field(default_factory=list)
    codes: list[int | None] = field(default_factory=list)
    answers: list[bool] = field(default_factory=list)
    """Of calls over WebSockets."""

    async def stream(self, number: int) -> None:
        """Ask again and again, until a question is not accepted."""
        while await self.stream_once(number):
            pass

    async def stream_once(self, number: int) -> bool:
        """Whether a question was accepted; then its answer was read to its end."""
        body = {"text": self.text, "senderId": f"s{number}", "stream": True}
        try:
            response = await self.gateway.session.post(f"{self.gateway.url}/v1/chat", json=body)
        except aiohttp.ClientError:
            return False
        async with response:
            name, _ = await next_event(response)
            self.begun += 1
            while name not in {"done", "error"}:
                name, _ = await next_event(response)
            self.streams.append(name)
        return True

    async def socket(self, number: int, *, busy: bool) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{self.gateway.url}/ws") as socket:
            await socket.send_json({"type": "connect", "protocol": 1, "token": self.gateway.token})
            if busy:
                params = {"text": self.text, "senderId": f"w{number}"}
                await socket.send_json({"type": "req", "id": "1", "method": "chat", "params": params})
            while (message := await socket.receive(SECONDS)).type is aiohttp.WSMsgType.TEXT:
                self._take(json.loads(message.data))
            self.codes.append(socket.close_code)

    def _take(self, frame: dict[str, Any]) -> None:
        self.greeted += frame.get("event") == "connected"
        if frame.get("event") == "shutdown":
            self.hints.append(frame["payload"]["retryAfterMs"])
        if frame["type"] == "res":
            self.answers.append(frame["ok"])
