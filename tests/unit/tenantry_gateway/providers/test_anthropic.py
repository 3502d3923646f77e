"""Claude through the official SDK, against the stand-in for its API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from dev.anthropic_standin.state import State
from tenantry_gateway.providers.anthropic import AnthropicModel
from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import API_KEY, error_of, metric, snapshot, until

Client = TestClient[Any, Any]
LABELS = {
    "gen_ai_operation_name": "chat",
    "gen_ai_provider_name": "anthropic",
    "gen_ai_request_model": "claude-opus-4-5",
    "gen_ai_agent_id": "main",
}


async def reply(client: Client, text: str) -> str:
    response = await client.post("/v1/chat", json={"text": text})
    body = await response.json()
    assert response.status == 200, body
    return str(body["reply"])


async def test_the_model_sees_system_prompt_and_history(claude: Client) -> None:
    assert await reply(claude, "hello") == "[claude-opus-4-5] You are main. | turn 1 | hello"
    assert await reply(claude, "again") == "[claude-opus-4-5] You are main. | turn 2 | again"


async def test_the_system_prompt_and_the_last_turn_are_cached(claude: Client, standin_state: State) -> None:
    await reply(claude, "one")
    await reply(claude, "two")

    body = standin_state.requests[-1]["body"]
    cached = {"type": "ephemeral"}
    assert body["stream"] is True
    assert body["system"] == [{"type": "text", "text": "You are main.", "cache_control": cached}]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][-1]["content"] == [{"type": "text", "text": "two", "cache_control": cached}]
    assert "cache_control" not in body["messages"][0]["content"][0]


async def test_the_guides_model_works_although_it_is_deprecated(
    claude: Client, claude_state: GatewayState, standin: str
) -> None:
    text = "agents: {main: {model: claude-sonnet-4-20250514}}"
    claude_state.snapshot = snapshot(text, base_url=standin)

    assert "claude-sonnet-4-20250514" in await reply(claude, "hi")


async def test_an_agent_without_system_prompt_sends_none(
    claude: Client, claude_state: GatewayState, standin: str, standin_state: State
) -> None:
    claude_state.snapshot = snapshot("agents: {main: {model: claude-opus-4-5, system: ' '}}", base_url=standin)
    await reply(claude, "hi")

    assert "system" not in standin_state.requests[-1]["body"]


@pytest.mark.parametrize(
    ("control", "status", "kind", "part"),
    [
        ("!error 400", 502, "api_error", "answered 400 invalid_request_error"),
        ("!error 401", 502, "api_error", "refused this gateway's API key"),
        ("!error 403", 502, "api_error", "refused this gateway's API key"),
        ("!error 404", 502, "api_error", "answered 404 not_found_error"),
        ("!error 429 retry-after=30", 429, "rate_limit_error", "rate limit for this gateway's API key"),
        ("!error 529 retry-after=30", 529, "overloaded_error", "overloaded"),
        ("!error 500 retry-after=30", 502, "api_error", "answered 500 api_error"),
        ("!error 504 retry-after=30", 504, "timeout_error", "timed out"),
        ("!error-mid-stream", 529, "overloaded_error", "overloaded"),
    ],
)
async def test_an_error_of_the_api_is_mapped_and_names_its_request(
    claude: Client, standin_state: State, control: str, status: int, kind: str, part: str
) -> None:
    response = await claude.post("/v1/chat", json={"text": control})

    found = await error_of(response)
    assert found[:2] == (status, kind)
    assert part in found[2]
    assert (await response.json())["upstream_request_id"] == standin_state.requests[-1]["request_id"]
    assert await reply(claude, "next") == "[claude-opus-4-5] You are main. | turn 1 | next"


async def test_a_long_retry_after_is_passed_on_instead_of_waited_for(claude: Client, standin_state: State) -> None:
    response = await claude.post("/v1/chat", json={"text": "!error 429 retry-after=3600"})

    assert response.status == 429
    assert response.headers["Retry-After"] == "3600"
    assert len(standin_state.requests) == 1


async def test_a_passing_error_is_retried_by_the_sdk(claude: Client, standin_state: State) -> None:
    assert "turn 1" in await reply(claude, "!error 529 retry-after=0.01 times=1")
    assert len(standin_state.requests) == 2


async def test_an_answer_that_breaks_off_is_502_and_no_turn(claude: Client) -> None:
    response = await claude.post("/v1/chat", json={"text": "!disconnect"})

    assert (await error_of(response))[:2] == (502, "api_error")
    assert "turn 1" in await reply(claude, "next")


async def test_an_api_that_cannot_be_reached_is_502(
    claude: Client, claude_state: GatewayState, unused_tcp_port: int
) -> None:
    claude_state.snapshot = snapshot(base_url=f"http://127.0.0.1:{unused_tcp_port}")

    status, kind, message = await error_of(await claude.post("/v1/chat", json={"text": "hi"}))

    assert (status, kind) == (502, "api_error")
    assert "provider.baseUrl" in message


async def test_a_key_that_the_api_refuses_is_never_shown(
    claude: Client, claude_state: GatewayState, standin: str, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = {"GATEWAY_TOKEN": "gateway-token-0123456789", "ANTHROPIC_API_KEY": "wrong-key-987654"}
    claude_state.snapshot = snapshot(secrets=secrets, base_url=standin)

    with caplog.at_level("INFO"):
        status, _, message = await error_of(await claude.post("/v1/chat", json={"text": "hi"}))

    assert status == 502
    assert "ANTHROPIC_API_KEY" in message
    assert "wrong-key" not in message + caplog.text


async def test_a_rotated_key_is_used_at_once(claude: Client, claude_state: GatewayState, standin: str) -> None:
    statuses = []
    for key in ("wrong-key-987654", API_KEY, "wrong-key-987654"):
        secrets = {"GATEWAY_TOKEN": "gateway-token-0123456789", "ANTHROPIC_API_KEY": key}
        claude_state.snapshot = snapshot(secrets=secrets, base_url=standin)
        statuses.append((await claude.post("/v1/chat", json={"text": "hi"})).status)

    assert statuses == [502, 200, 502]


async def test_tokens_are_counted_as_the_api_reports_them(claude: Client, claude_state: GatewayState) -> None:
    response = await claude.post("/v1/chat", json={"text": "hello"})
    usage = (await response.json())["usage"]

    for kind in ("input", "output"):
        counted = metric(claude_state, "gen_ai_client_token_usage_sum", **LABELS, gen_ai_token_type=kind)
        assert counted == usage[f"{kind}_tokens"] > 0
    assert metric(claude_state, "gen_ai_client_operation_duration_seconds_count", **LABELS, error_type="") == 1
    assert metric(claude_state, "gen_ai_server_time_to_first_token_seconds_count", **LABELS) == 1


async def test_a_client_that_leaves_a_stream_ends_the_api_call_and_words_so_far_are_counted(
    claude: Client, claude_state: GatewayState
) -> None:
    response = await claude.post("/v1/chat", json={"text": "!chunk-delay 0.2 " + "word " * 500, "stream": True})
    assert (await response.content.readline()).startswith(b"event: delta")
    response.close()
    await until(lambda: not int(claude_state.in_flight))

    count = metric(claude_state, "gen_ai_client_operation_duration_seconds_count", **LABELS, error_type="client_gone")
    output = metric(claude_state, "gen_ai_client_token_usage_sum", **LABELS, gen_ai_token_type="output")
    assert count == 1
    assert 0 < output < 400


async def test_a_redirect_is_not_followed_as_it_would_take_the_key_along(
    claude: Client, claude_state: GatewayState, aiohttp_server: Any
) -> None:
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.path)
        raise web.HTTPTemporaryRedirect(f"{request.scheme}://localhost:{request.url.port}/stolen")

    app = web.Application()
    app.router.add_post("/{path:.*}", elsewhere)
    server = await aiohttp_server(app)
    claude_state.snapshot = snapshot(base_url=str(server.make_url("/")).rstrip("/"))

    response = await claude.post("/v1/chat", json={"text": "hi"})

    assert response.status == 502
    assert seen == ["/v1/messages"]


async def test_loading_twice_at_once_loads_once() -> None:
    model = AnthropicModel()
    await asyncio.gather(model.load(), model.load())
    await model.close()
