"""A WebSocket through the enterprise guide's reverse proxy."""

from __future__ import annotations

import asyncio

from tests.guide import BLOCKS
from tests.integration.gateway_harness import SECONDS, TOKEN
from tests.integration.guide_harness import Home, home
from tests.integration.nginx_harness import nginx

__all__ = ["home"]


async def test_a_websocket_connects_through_the_guides_proxy(home: Home) -> None:
    home.configure(BLOCKS["Multi-Agent Routing: yaml"])
    async with (
        home.gateway() as gateway,
        nginx(home.directory / "nginx", gateway.port) as proxy,
        proxy.client() as client,
        client.ws_connect(f"{proxy.url}/ws") as socket,
    ):
        await socket.send_json({"type": "connect", "protocol": 1, "token": TOKEN})
        answer = await asyncio.wait_for(socket.receive_json(), SECONDS)

        assert answer["event"] == "connected"
        await socket.send_json({"type": "req", "id": "1", "method": "chat", "params": {"text": "hi"}})
        while (frame := await asyncio.wait_for(socket.receive_json(), SECONDS))["type"] == "event":
            assert frame["event"] == "delta"

        assert "You are a general assistant." in frame["payload"]["reply"]
