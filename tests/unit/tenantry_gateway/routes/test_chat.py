"""`POST /v1/chat`: replies, sessions, routes, roles, order."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import (
    AGENTS,
    EchoModel,
    PlayedModel,
    error_of,
    gateway_state,
    metric,
    serving,
    snapshot,
    until,
)

Client = TestClient[Any, Any]

BINDINGS = (
    AGENTS
    + """
bindings:
  - {channel: slack, channelId: devops, agentId: devops}
  - {channel: slack, senderId: bob, agentId: devops, name: for-bob}
  - {channel: web, agentId: devops, name: shared, namespace: team-b, sessionKey: "${channel}:${senderId}"}
  - {channel: keyed, agentId: devops, sessionKey: "${channel}:${channelId}"}
"""
)


async def say(client: Client, text: str, **fields: object) -> dict[str, Any]:
    async with client.post("/v1/chat", json={"text": text, **fields}) as response:
        body: dict[str, Any] = await response.json()
        assert response.status == 200, body
        return body


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Server-sent events by name, comments left out."""
    found = []
    for block in filter(None, text.split("\n\n")):
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        if lines:
            assert [line.partition(": ")[0] for line in lines] == ["event", "data"]
            found.append((lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))))
    return found


async def test_a_message_is_answered_with_everything_the_contract_names(client: Client) -> None:
    body = await say(client, "hello")

    assert body.pop("id").startswith("chat_")
    assert body == {
        "agentId": "main",
        "sessionKey": "agent:main:api:token%3ashared",
        "binding": None,
        "reply": "1: hello",
        "stopReason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 2},
    }


async def test_a_session_remembers_and_another_sender_has_another(client: Client) -> None:
    replies = [(await say(client, "hi", senderId=sender))["reply"] for sender in ("alice", "alice", "bob", "alice")]

    assert replies == ["1: hi", "3: hi", "1: hi", "5: hi"]


@pytest.mark.parametrize(
    ("address", "agent_id", "binding", "key"),
    [
        ({"channel": "slack", "channelId": "devops"}, "devops", 0, "agent:devops:slack:devops"),
        ({"channel": "slack", "senderId": "bob"}, "devops", "for-bob", "agent:devops:slack:bob"),
        ({"channel": "web", "senderId": "Eve"}, "devops", "team-b/shared", "web:%45ve"),
        ({"channel": "slack", "channelId": "random"}, "main", None, "agent:main:slack:random"),
        ({}, "main", None, "agent:main:api:token%3ashared"),
    ],
)
async def test_the_answer_names_agent_binding_and_session(
    client: Client, state: GatewayState, address: dict[str, str], agent_id: str, binding: object, key: str
) -> None:
    state.snapshot = snapshot(BINDINGS)

    body = await say(client, "hi", **address)

    assert (body["agentId"], body["binding"], body["sessionKey"]) == (agent_id, binding, key)


async def test_the_same_key_of_two_agents_is_two_sessions(client: Client, state: GatewayState) -> None:
    text = AGENTS + 'bindings: [{channel: "*", agentId: %s, sessionKey: team}]'
    state.snapshot = snapshot(text % "main")
    await say(client, "one")
    state.snapshot = snapshot(text % "devops")

    assert (await say(client, "two"))["reply"] == "1: two"


async def test_the_same_key_of_a_foreign_namespace_is_another_session(client: Client, state: GatewayState) -> None:
    text = AGENTS + 'bindings: [{channel: "*", agentId: main, sessionKey: team, name: n%s}]'
    state.snapshot = snapshot(text % "")
    await say(client, "one")
    state.snapshot = snapshot(text % ", namespace: team-b")

    assert (await say(client, "two"))["reply"] == "1: two"


async def test_sessions_outlive_a_new_configuration(client: Client, state: GatewayState) -> None:
    await say(client, "one")
    state.snapshot = snapshot(BINDINGS)

    assert (await say(client, "two"))["reply"] == "3: two"


async def test_a_missing_template_value_is_400(client: Client, state: GatewayState) -> None:
    state.snapshot = snapshot(BINDINGS)

    response = await client.post("/v1/chat", json={"text": "hi", "channel": "keyed"})

    status, kind, message = await error_of(response)
    assert (status, kind) == (400, "invalid_request_error")
    assert "channelId" in message


@pytest.mark.parametrize(
    "ask",
    [{"json": {"text": "hi", "stream": True}}, {"json": {"text": "hi"}, "headers": {"Accept": "text/event-stream"}}],
)
async def test_a_stream_sends_deltas_and_ends_with_the_plain_answers_object(
    client: Client, ask: dict[str, Any]
) -> None:
    response = await client.post("/v1/chat", **ask)
    sent = events(await response.text())

    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["request-id"].startswith("req_")
    assert [name for name, _ in sent] == ["delta", "done"]
    assert sent[0][1] == {"text": "1: hi"}
    assert sent[-1][1]["reply"] == "1: hi"
    assert set(sent[-1][1]) == {"id", "agentId", "sessionKey", "binding", "reply", "stopReason", "usage"}


async def test_an_error_before_the_first_event_of_a_stream_has_its_status(client: Client) -> None:
    response = await client.post("/v1/chat", json={"text": "hi", "stream": True, "agentId": "ghost"})

    assert (await error_of(response))[:2] == (404, "not_found_error")


async def test_a_fault_after_the_first_event_of_a_stream_is_an_event(
    played_client: Client, played: PlayedModel, caplog: pytest.LogCaptureFixture
) -> None:
    asking = asyncio.create_task(played_client.post("/v1/chat", json={"text": "hi", "stream": True}))
    call = await asyncio.wait_for(played.calls.get(), 10)
    await call.on_text("first ")
    call.result.set_exception(RuntimeError("a bug that mentions secrets"))
    response = await asking
    sent = events(await response.text())

    assert [name for name, _ in sent] == ["delta", "error"]
    assert sent[1][1]["error"]["type"] == "api_error"
    assert sent[1][1]["request_id"] == response.headers["request-id"]
    assert "secrets" not in json.dumps(sent)
    assert "a bug that mentions secrets" in caplog.text


@pytest.mark.parametrize(
    ("role", "agent_id", "status"),
    [
        ("viewer", None, 403),
        ("viewer", "devops", 403),
        ("user", None, 200),
        ("user", "devops", 403),
        ("operator", "devops", 200),
        ("admin", "devops", 200),
        ("viewer", "ghost", 404),
        ("user", "ghost", 404),
        ("admin", "ghost", 404),
        ("admin", "../devops", 404),
    ],
)
async def test_roles_decide_who_may_talk_and_who_may_name_an_agent(
    client: Client, state: GatewayState, role: str, agent_id: str | None, status: int
) -> None:
    state.snapshot = snapshot(AGENTS + f"rbac: {{enabled: true, assignments: {{'token:shared': {role}}}}}")

    response = await client.post("/v1/chat", json={"text": "hi", **({"agentId": agent_id} if agent_id else {})})

    assert response.status == status
    if status == 200:
        assert (await response.json())["agentId"] == (agent_id or "main")


async def test_an_unknown_agent_is_named_with_the_known_ones(client: Client) -> None:
    response = await client.post("/v1/chat", json={"text": "hi", "agentId": "ghost"})

    assert await error_of(response) == (404, "not_found_error", 'no agent "ghost"; known agents: devops, main')


async def test_without_a_route_404_names_the_nearest_bindings(client: Client, state: GatewayState) -> None:
    text = "agents: {a: {model: m}, b: {model: m}}\nbindings: [{channel: slack, agentId: a}]"
    state.snapshot = snapshot(text)

    status, _, message = await error_of(await client.post("/v1/chat", json={"text": "hi"}))

    assert status == 404
    assert "bindings[0]" in message


async def test_without_an_api_key_503_names_the_variable(client: Client, state: GatewayState) -> None:
    state.snapshot = snapshot(secrets={"GATEWAY_TOKEN": "gateway-token-0123456789"})

    status, _, message = await error_of(await client.post("/v1/chat", json={"text": "hi"}))

    assert status == 503
    assert "ANTHROPIC_API_KEY" in message


async def test_without_a_configuration_503_says_what_is_missing(client: Client, state: GatewayState) -> None:
    state.snapshot = None
    state.waiting = "variable GATEWAY_TOKEN is missing or empty"

    response = await client.post("/v1/chat", json={"text": "hi"})

    assert await error_of(response) == (503, "api_error", "variable GATEWAY_TOKEN is missing or empty")
    assert response.headers["Retry-After"] == "1"


async def test_one_sessions_messages_are_answered_one_at_a_time(played_client: Client, played: PlayedModel) -> None:
    answers = [asyncio.create_task(say(played_client, "hi")) for _ in range(4)]
    for number in range(4):
        call = await asyncio.wait_for(played.calls.get(), 10)
        assert played.running == 1
        assert len(call.request.messages) == 2 * number + 1
        call.finish(f"answer {number}")

    assert {(await answer)["reply"] for answer in answers} == {f"answer {number}" for number in range(4)}


async def test_two_sessions_are_answered_at_the_same_time(played_client: Client, played: PlayedModel) -> None:
    answers = [asyncio.create_task(say(played_client, "hi", senderId=sender)) for sender in ("a", "b")]
    calls = [await asyncio.wait_for(played.calls.get(), 10) for _ in answers]

    for call in calls:
        call.finish()
    await asyncio.gather(*answers)


async def test_the_eighteenth_message_of_a_busy_session_is_429(
    played_client: Client, played: PlayedModel, played_state: GatewayState
) -> None:
    accepted = [asyncio.create_task(say(played_client, "hi")) for _ in range(17)]
    call = await asyncio.wait_for(played.calls.get(), 10)
    await until(lambda: int(played_state.in_flight) == 17)

    response = await played_client.post("/v1/chat", json={"text": "one too many"})

    assert (await error_of(response))[:2] == (429, "rate_limit_error")
    assert int(response.headers["Retry-After"]) > 0
    call.finish()
    for _ in range(16):
        (await asyncio.wait_for(played.calls.get(), 10)).finish()
    await asyncio.gather(*accepted)


async def test_a_turn_that_takes_too_long_is_504_and_frees_the_session(tmp_path: Path) -> None:
    model = PlayedModel()
    async with gateway_state(model, tmp_path, turn_seconds=0.05) as state, serving(state) as client:
        state.snapshot = snapshot()
        response = await client.post("/v1/chat", json={"text": "hi"})
        assert (await error_of(response))[:2] == (504, "timeout_error")

    assert (await model.calls.get()).cancelled
    assert len(state.turns.lines) == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_ends_the_call_and_its_tokens_are_counted(
    played_client: Client,
    played: PlayedModel,
    played_state: GatewayState,
    stream: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    asking = asyncio.create_task(played_client.post("/v1/chat", json={"text": "hi", "stream": stream}))
    call = await asyncio.wait_for(played.calls.get(), 10)
    call.usage.input_tokens, call.usage.output_tokens = 100, 7
    await call.on_text("words")
    if stream:
        response = await asking
        response.close()
    else:
        asking.cancel()
    await until(lambda: call.cancelled and not int(played_state.in_flight))

    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "anthropic",
        "gen_ai_request_model": "claude-opus-4-5",
        "gen_ai_agent_id": "main",
    }
    sums = [
        metric(played_state, "gen_ai_client_token_usage_sum", **labels, gen_ai_token_type=kind)
        for kind in ("input", "output")
    ]
    assert sums == [100, 7]
    assert metric(played_state, "tenantry_gateway_messages_total", agent="main", channel="api", code="499") == 1
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_turn_that_failed_is_not_remembered(played_client: Client, played: PlayedModel) -> None:
    asking = asyncio.create_task(played_client.post("/v1/chat", json={"text": "first"}))
    (await asyncio.wait_for(played.calls.get(), 10)).result.set_exception(RuntimeError("boom"))
    assert (await error_of(await asking))[:2] == (500, "api_error")

    asking = asyncio.create_task(played_client.post("/v1/chat", json={"text": "second"}))
    call = await asyncio.wait_for(played.calls.get(), 10)
    call.finish()
    await asking

    assert [message.text for message in call.request.messages] == ["second"]


async def test_labels_of_metrics_are_bounded_to_the_configurations_channels(
    client: Client, state: GatewayState
) -> None:
    state.snapshot = snapshot(BINDINGS)
    for channel in ("slack", "anything", "else"):
        await say(client, "hi", channel=channel)

    text = state.metrics.render().decode()
    assert 'channel="slack"' in text
    assert 'channel="other"' in text
    assert "anything" not in text


async def test_identities_and_text_are_in_no_log(
    client: Client, echo: EchoModel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        await say(client, "my password is swordfish", senderId="alice@example.com")

    assert echo.requests
    logged = "\n".join(str(record.__dict__) for record in caplog.records if record.name.startswith("tenantry"))
    assert "tenantry_gateway.access" in logged
    assert "swordfish" not in logged
    assert "alice" not in logged
    assert "gateway-token" not in logged
