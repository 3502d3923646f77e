"""The plugin's side of a conversation, against a gateway's process with the stand-in for the Anthropic API."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dev.anthropic_standin.server import running_standin
from tenantry_cli.commands.route import text_of
from tenantry_cli.conversation import Disconnected, Event, Refused, ask, fetch
from tests.integration.gateway_harness import AGENT, API_KEY, TOKEN, Gateway, Place


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_standin() as base_url:
        place = Place(tmp_path, base_url)
        place.configure(AGENT % "one")
        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})
        async with place.listening() as running:
            await running.ready()
            yield running


async def asked(gateway: Gateway, text: str, token: str = TOKEN, **message: str) -> list[Event]:
    return await asyncio.to_thread(lambda: list(ask(gateway.port, token, {"text": text, **message})))


async def test_an_answer_comes_in_pieces_and_ends_with_the_whole(gateway: Gateway) -> None:
    *pieces, (last, done) = await asked(gateway, "one two three")

    assert {name for name, _ in pieces} == {"delta"}
    assert "".join(data["text"] for _, data in pieces) == done["reply"]
    assert last == "done"


@pytest.mark.parametrize(
    ("text", "token", "agent", "message"),
    [
        ("hi", "wrong", None, "the token was refused"),
        ("hi", TOKEN, "main", "the token's role does not allow this: naming agentId takes the role operator"),
        ("!error 401", TOKEN, None, "the Anthropic API failed or refused the gateway's key"),
        ("!error 429", TOKEN, None, "too many requests"),
        ("!error-mid-stream", TOKEN, None, "the answer failed"),
    ],
)
async def test_a_refusal_is_explained(gateway: Gateway, text: str, token: str, agent: str | None, message: str) -> None:
    with pytest.raises(Refused, match=message):
        await asked(gateway, text, token, **({"agentId": agent} if agent else {}))


async def test_a_gateway_that_dies_in_the_middle_is_told_from_one_that_refuses(gateway: Gateway) -> None:
    answer = asyncio.create_task(asked(gateway, "!delay 60"))
    await asyncio.sleep(0.3)
    gateway.process.send_signal(signal.SIGKILL)

    with pytest.raises(Disconnected):
        await answer


def test_a_port_that_nobody_listens_on_is_a_lost_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Disconnected):
            next(ask(taken.getsockname()[1], TOKEN, {"text": "hi"}))


async def test_a_route_is_explained_by_the_gateway_itself(gateway: Gateway) -> None:
    found = await asyncio.to_thread(fetch, gateway.port, TOKEN, "/v1/route", {"channel": "slack", "channelId": "C1"})

    assert text_of(found) == "agent main  (the default agent: no binding matches)\nsession agent:main:slack:%431"


async def test_the_audit_log_is_for_admins(gateway: Gateway) -> None:
    with pytest.raises(Refused, match="takes the role admin"):
        await asyncio.to_thread(fetch, gateway.port, TOKEN, "/v1/audit", {})
