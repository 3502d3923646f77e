"""The enterprise guide's reverse proxy: a real nginx with its server block, a real gateway behind it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from dev.anthropic_standin.server import running_standin
from dev.anthropic_standin.state import State
from tests.guide import BLOCKS, claims
from tests.integration.gateway_harness import next_event
from tests.integration.guide_harness import Home, home
from tests.integration.nginx_harness import NAME, nginx

__all__ = ["home"]

AGENTS = BLOCKS["Multi-Agent Routing: yaml"]
TRUSTING = 'gateway: {trustedProxies: ["127.0.0.1/32"]}\n'
"""nginx is at 127.0.0.1, and its clients are elsewhere on loopback."""


@claims("Reverse Proxy: nginx")
async def test_a_message_goes_through_the_guides_proxy_over_tls(home: Home, snippet: str) -> None:
    home.configure(AGENTS)
    async with home.gateway() as gateway, nginx(home.directory / "nginx", gateway.port, snippet) as proxy:
        assert "proxy_read_timeout 86400;" in proxy.configuration
        async with proxy.client() as client:
            body = {"text": "hi", "channel": "slack", "channelId": "devops-channel"}
            for _ in range(2):
                async with client.post(f"{proxy.url}/v1/chat", json=body, server_hostname=NAME) as response:
                    assert response.status == 200
                    assert (await response.json())["agentId"] == "devops"
            async with client.get(f"{proxy.url}/ready") as response:
                assert response.status == 200
            wrong = {"Authorization": "Bearer wrong"}
            async with client.post(f"{proxy.url}/v1/chat", json=body, headers=wrong) as response:
                assert response.status == 401
        strangers = aiohttp.TCPConnector(ssl=ssl.create_default_context())
        async with aiohttp.ClientSession(connector=strangers) as stranger:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await stranger.get(f"{proxy.url}/health")


async def test_a_stream_arrives_through_the_proxy_while_the_rest_of_it_is_still_to_be_said(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    waits: list[float] = []

    async def until_told(seconds: float) -> None:
        """Say three pieces at once, and the rest when the test has seen the first."""
        if seconds:
            waits.append(seconds)
            if len(waits) > 3:
                await go_on.wait()

    async with running_standin(State(sleep=until_told)) as base_url:
        home = Home(tmp_path, base_url)
        home.configure(AGENTS)
        async with home.gateway() as gateway, nginx(tmp_path / "nginx", gateway.port) as proxy:
            body = {"text": "!chunk-delay 5 " + "word " * 20, "stream": True}
            async with proxy.client() as client, client.post(f"{proxy.url}/v1/chat", json=body) as stream:
                names = [(await next_event(stream))[0]]
                assert len(waits) <= 4
                go_on.set()
                while names[-1] == "delta":
                    names.append((await next_event(stream))[0])

    assert names[-1] == "done"
    assert len(names) > 3


async def test_the_access_log_names_the_client_behind_the_proxy_whatever_the_client_claims(home: Home) -> None:
    home.configure(TRUSTING + AGENTS)
    async with home.gateway() as gateway, nginx(home.directory / "nginx", gateway.port) as proxy:
        async with proxy.client("127.0.0.2") as client:
            headers = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"}
            async with client.post(f"{proxy.url}/v1/chat", json={"text": "hi"}, headers=headers) as response:
                assert response.status == 200
        assert (await gateway.logged("request"))["client"] == "127.0.0.2"


async def test_a_proxy_that_is_not_trusted_is_the_client_itself(home: Home) -> None:
    home.configure(AGENTS)
    async with home.gateway() as gateway, nginx(home.directory / "nginx", gateway.port) as proxy:
        url, message = f"{proxy.url}/v1/chat", {"text": "hi"}
        async with proxy.client("127.0.0.2") as client, client.post(url, json=message) as response:
            assert response.status == 200
        assert (await gateway.logged("request"))["client"] == "127.0.0.1"
