"""`/ws`: the first frame, calls and their answers, bounds, and the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestClient

from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import AGENTS, TOKEN, Call, PlayedModel, metric, snapshot, until

Client = TestClient[Any, Any]
HELLO = {"type": "connect", "protocol": 1, "token": TOKEN}
SECONDS = 20


async def frame(socket: ClientWebSocketResponse) -> dict[str, Any]:
    message = await socket.receive(SECONDS)
    assert message.type is WSMsgType.TEXT, message
    parsed: dict[str, Any] = json.loads(message.data)
    return parsed


async def closed(socket: ClientWebSocketResponse) -> int:
    """The code with which the gateway closes, whatever it says before."""
    while True:
        message = await socket.receive(SECONDS)
        if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING}:
            assert socket.close_code is not None
            return socket.close_code


@asynccontextmanager
async def connected(client: Client) -> AsyncIterator[ClientWebSocketResponse]:
    async with client.ws_connect("/ws") as socket:
        await socket.send_json(HELLO)
        assert (await frame(socket))["event"] == "connected"
        yield socket


async def call(socket: ClientWebSocketResponse, method: str, call_id: str = "1", **params: object) -> None:
    await socket.send_json({"type": "req", "id": call_id, "method": method, "params": params})


async def answer(socket: ClientWebSocketResponse, call_id: str = "1") -> tuple[dict[str, Any], str]:
    """A call's answer, and the text of its deltas."""
    text = ""
    while True:
        got = await frame(socket)
        if got["type"] == "res" and got["id"] == call_id:
            return got, text
        if got["type"] == "event" and got.get("id") == call_id:
            text += got["payload"]["text"]


async def test_a_conversation(client: Client, state: GatewayState) -> None:
    async with connected(client) as socket:
        assert metric(state, "tenantry_gateway_websockets") == 1
        await call(socket, "chat", text="hello", channel="slack", channelId="c1")
        got, text = await answer(socket)
        await call(socket, "chat", "2", text="again", channel="slack", channelId="c1")
        second, _ = await answer(socket, "2")

    assert got["ok"] is True
    assert got["payload"]["reply"] == text == "1: hello"
    assert got["payload"]["sessionKey"] == "agent:main:slack:c1"
    assert second["payload"]["reply"] == "3: again"
    await until(lambda: metric(state, "tenantry_gateway_websockets") == 0)
    assert metric(state, "tenantry_gateway_messages_total", agent="main", channel="other", code="200") == 2


async def test_events_are_numbered_and_belong_to_their_call(client: Client) -> None:
    async with client.ws_connect("/ws") as socket:
        await socket.send_json(HELLO)
        first = await frame(socket)
        await call(socket, "chat", text="hi")
        second = await frame(socket)

    assert (first["seq"], second["seq"], second["id"]) == (1, 2, "1")
    assert first["payload"]["principal"] == "token:shared"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "connect", "protocol": 1, "token": "wrong"}, 1008),
        ({"type": "connect", "protocol": 1}, 1008),
        ({"type": "connect", "protocol": 2, "token": TOKEN}, 1002),
        ({"type": "req", "id": "1", "method": "chat", "params": {}}, 1008),
        ({"type": "connect", "protocol": "1", "token": TOKEN}, 1008),
    ],
)
async def test_a_first_frame_that_opens_nothing(client: Client, first: dict[str, Any], code: int) -> None:
    async with client.ws_connect("/ws") as socket:
        await socket.send_json(first)
        assert await closed(socket) == code


async def test_binary_frames_and_text_that_is_no_call_close_the_connection(client: Client) -> None:
    async with connected(client) as socket:
        await socket.send_bytes(b"\0")
        assert await closed(socket) == 1003
    async with connected(client) as socket:
        await socket.send_str("{")
        assert await closed(socket) == 1007
    async with connected(client) as socket:
        await socket.send_json({"type": "req", "id": 1, "method": "chat"})
        assert await closed(socket) == 1008
    async with connected(client) as socket:
        await socket.send_str('"' + "x" * (600 * 1024) + '"')
        assert await closed(socket) == 1009


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://127.0.0.1:{port}", True), ("http://evil.example", False), ("http://127.0.0.1:1", False), ("null", False)],
)
async def test_only_pages_of_the_same_host_may_connect(client: Client, origin: str, allowed: bool) -> None:
    headers = {"Origin": origin.format(port=client.port)}
    if allowed:
        async with client.ws_connect("/ws", headers=headers) as socket:
            await socket.send_json(HELLO)
            assert (await frame(socket))["event"] == "connected"
        return
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.ws_connect("/ws", headers=headers)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing", {}, "not_found_error"),
        ("chat", {"text": ""}, "invalid_request_error"),
        ("chat", {"text": "hi", "unknown": 1}, "invalid_request_error"),
        ("chat", {"text": "hi", "idempotencyKey": "with space"}, "invalid_request_error"),
        ("chat", {"text": "hi", "agentId": "devops"}, "permission_error"),
        ("cancel", {"id": "7"}, "not_found_error"),
    ],
)
async def test_a_call_that_fails_has_its_answer_and_the_connection_goes_on(
    client: Client, method: str, params: dict[str, Any], code: str
) -> None:
    async with connected(client) as socket:
        await call(socket, method, **params)
        got, _ = await answer(socket)
        await call(socket, "ping", "2")
        again, _ = await answer(socket, "2")

    assert got["ok"] is False
    assert got["error"]["code"] == code
    assert got["error"]["retryable"] is False
    assert got["error"]["requestId"].startswith("req_")
    assert again["ok"] is True


async def test_calls_run_side_by_side_and_one_can_be_cancelled(played_client: Client, played: PlayedModel) -> None:
    async with connected(played_client) as socket:
        await call(socket, "chat", "a", text="one", senderId="ann")
        first = await asyncio.wait_for(played.calls.get(), SECONDS)
        await call(socket, "chat", "b", text="two", senderId="ben")
        (await asyncio.wait_for(played.calls.get(), SECONDS)).finish("done")
        assert (await answer(socket, "b"))[0]["payload"]["reply"] == "done"
        await call(socket, "cancel", "c", id="a")
        got = {(await frame(socket))["id"]: None for _ in range(2)}
        assert set(got) == {"a", "c"}
    assert first.cancelled


async def test_a_client_that_leaves_ends_its_calls(played_client: Client, played: PlayedModel) -> None:
    async with connected(played_client) as socket:
        await call(socket, "chat", text="hi")
        waiting = await asyncio.wait_for(played.calls.get(), SECONDS)
    await until(lambda: waiting.cancelled)


async def test_a_withdrawn_token_is_refused_at_the_next_call(client: Client, state: GatewayState) -> None:
    async with connected(client) as socket:
        state.snapshot = snapshot(AGENTS, {"GATEWAY_TOKEN": "another", "ANTHROPIC_API_KEY": "sk-ant"})
        await call(socket, "ping")
        got, _ = await answer(socket)
        assert got["error"]["code"] == "authentication_error"
        assert await closed(socket) == 1008


async def test_a_client_that_does_not_read_is_closed_and_nothing_of_its_text_is_dropped(
    played_client: Client, played: PlayedModel, played_state: GatewayState
) -> None:
    async with connected(played_client) as socket:
        await call(socket, "chat", text="hi")
        asked = await asyncio.wait_for(played.calls.get(), SECONDS)
        transport = socket._response.connection.transport  # type: ignore[union-attr]
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        pushing = asyncio.create_task(push(asked))
        (served,) = played_state.sockets._connections
        await until(lambda: served.socket.closed)
        transport.resume_reading()
        sequence = []
        while (message := await socket.receive(SECONDS)).type is WSMsgType.TEXT:
            sequence.append(json.loads(message.data)["seq"])

        assert socket.close_code == 1013
        with pytest.raises(ConnectionError):
            await pushing
    assert sequence == list(range(2, len(sequence) + 2))


async def push(asked: Call) -> None:
    while True:
        await asked.on_text("x" * 64 * 1024)


async def test_the_end_of_the_process_waits_for_calls_and_tells_when_to_come_back(
    played_client: Client, played: PlayedModel, played_state: GatewayState
) -> None:
    async with connected(played_client) as busy, connected(played_client) as idle:
        await call(busy, "chat", text="hi")
        asked = await asyncio.wait_for(played.calls.get(), SECONDS)
        played_state.draining = True
        ending = asyncio.create_task(played_state.sockets.end())
        shutdown = await frame(idle)
        assert await closed(idle) == 1012
        await call(busy, "ping", "2")
        refused, _ = await answer(busy, "2")
        asked.finish("last words")
        got, _ = await answer(busy)
        assert await closed(busy) == 1012
        await ending

    assert shutdown["event"] == "shutdown"
    assert 1_000 <= shutdown["payload"]["retryAfterMs"] <= 15_000
    assert (refused["ok"], refused["error"]["retryable"]) == (False, True)
    assert got["payload"]["reply"] == "last words"


async def test_plain_requests_are_told_to_upgrade(client: Client) -> None:
    response = await client.get("/ws")
    assert response.status in {400, 426}
    assert (await response.json())["type"] == "error"
