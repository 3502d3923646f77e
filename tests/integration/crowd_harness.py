"""Many clients at once, and how what they had begun ended when their gateway stopped.

`python -m tests.integration.crowd_harness URL TOKEN TEXT` is a crowd of its own, also where only this module and the
gateway's harness are: it says `under way` when everything has begun, and how it ended, as JSON, when all of it has.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.integration.gateway_harness import SECONDS, Reachable, next_event, until

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


@dataclass
class Remote:
    """A gateway of which the address and the token are known."""

    url: str
    token: str
    session: aiohttp.ClientSession


async def hold(url: str, token: str, text: str) -> None:
    """Six streams and ten WebSockets, of which four call an agent."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        crowd = Crowd(Remote(url, token, session), text)
        streams = [asyncio.create_task(crowd.stream_once(number)) for number in range(6)]
        sockets = [asyncio.create_task(crowd.socket(number, busy=number < 4)) for number in range(10)]

        async def under_way() -> bool:
            return crowd.begun == len(streams) and crowd.greeted == len(sockets)

        await until(under_way)
        print("under way", flush=True)
        await asyncio.gather(*streams, *sockets)
        ends = {name: getattr(crowd, name) for name in ("streams", "hints", "codes", "answers")}
        print(json.dumps(ends), flush=True)


if __name__ == "__main__":
    asyncio.run(hold(*sys.argv[1:]))
