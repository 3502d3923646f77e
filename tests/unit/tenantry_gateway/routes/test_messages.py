"""The Anthropic API through the gateway, by the official SDK and by hand."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import anthropic
import pytest
from aiohttp import ClientConnectionResetError, ClientError, web
from aiohttp.test_utils import TestClient

from dev.anthropic_standin.state import State
from tenantry_gateway.audit.files import newest
from tenantry_gateway.middleware.record import CLIENT_GONE
from tenantry_gateway.routes import messages as routes
from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import TOKEN, error_of, metric, snapshot, until

MODEL = "claude-opus-4-5"
HELLO: Any = [{"role": "user", "content": "Hello"}]


def sdk(claude: TestClient[Any, Any]) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=TOKEN, base_url=str(claude.make_url("/")).rstrip("/"), max_retries=0)


async def test_the_official_sdk_works_with_this_base_url(claude: TestClient[Any, Any]) -> None:
    async with sdk(claude) as client:
        message = await client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)
        counted = await client.messages.count_tokens(model=MODEL, messages=HELLO)
        async with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
            streamed = await stream.get_final_message()

    assert message.content[0].type == "text"
    assert streamed.content[0].type == "text"
    assert streamed.content[0].text == message.content[0].text
    assert counted.input_tokens > 0


async def test_an_agents_model_and_prompt_are_put_in(claude: TestClient[Any, Any], standin_state: State) -> None:
    body = {"model": "agent:devops", "max_tokens": 10, "messages": HELLO, "system": "Mine."}
    response = await claude.post("/v1/messages", json=body)
    assert response.status == 200

    sent = standin_state.requests[-1]["body"]
    assert sent["model"] == MODEL
    assert [block["text"] for block in sent["system"]] == ["You are devops.", "Mine."]


async def test_the_apis_errors_are_passed_on_but_for_those_about_the_gateways_own_key(
    claude: TestClient[Any, Any],
) -> None:
    async with sdk(claude) as client:
        with pytest.raises(anthropic.BadRequestError) as refused:
            await client.messages.create(model=MODEL, max_tokens=0, messages=HELLO)
        assert refused.value.type == "invalid_request_error"

    response = await claude.post("/v1/messages", json={"model": "agent:nobody"})
    assert (await error_of(response))[0] == 404


def calls(state: GatewayState, model: str, error_type: str, agent: str = "none") -> float:
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "anthropic",
        "gen_ai_request_model": model,
        "gen_ai_agent_id": agent,
        "error_type": error_type,
    }
    return metric(state, "gen_ai_client_operation_duration_seconds_count", **labels)


async def test_labels_are_bounded_whatever_model_is_named(
    claude: TestClient[Any, Any], claude_state: GatewayState
) -> None:
    for number in range(5):
        await claude.post("/v1/messages", json={"model": f"model-{number}", "max_tokens": 5, "messages": HELLO})
    await claude.post("/v1/messages", json={"model": MODEL, "max_tokens": 5, "messages": HELLO})
    text = claude_state.metrics.render().decode()

    assert "model-1" not in text
    assert calls(claude_state, MODEL, "") == 1


async def test_calls_that_fail_are_counted_and_audited(
    claude: TestClient[Any, Any], claude_state: GatewayState
) -> None:
    body = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "!error 401"}]}
    assert (await error_of(await claude.post("/v1/messages", json=body)))[:2] == (502, "api_error")
    body["messages"] = [{"role": "user", "content": "!error 529"}]
    assert (await claude.post("/v1/messages", json=body)).status == 529
    claude_state.snapshot = snapshot(base_url="http://127.0.0.1:9")
    assert (await error_of(await claude.post("/v1/messages", json=body)))[:2] == (502, "api_error")
    await claude_state.directory.writer.write(())

    assert calls(claude_state, MODEL, "api_error") == 2
    assert calls(claude_state, MODEL, "http_529") == 1
    events = [json.loads(line) for line in newest(claude_state.directory.path, 10)]
    assert [event["reason"] for event in events if event["type"] == "model.message"] == [
        "api_error",
        "http_529",
        "api_error",
    ]


async def test_a_stream_that_breaks_off_ends_with_an_error_event(claude: TestClient[Any, Any]) -> None:
    body = {"model": MODEL, "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": "!disconnect"}]}
    response = await claude.post("/v1/messages", json=body)
    text = await response.text()

    assert response.status == 200
    assert text.rstrip().splitlines()[-2] == "event: error"
    assert json.loads(text.rstrip().splitlines()[-1].removeprefix("data: "))["error"]["type"] == "api_error"


async def test_tokens_of_a_stream_are_counted_for_a_client_that_leaves(
    claude: TestClient[Any, Any], claude_state: GatewayState
) -> None:
    content = "!chunk-delay 0.05 " + "word " * 200
    body = {"model": MODEL, "max_tokens": 500, "stream": True, "messages": [{"role": "user", "content": content}]}
    response = await claude.post("/v1/messages", json=body)
    await response.content.readany()
    response.close()

    await until(lambda: calls(claude_state, MODEL, "client_gone") == 1)
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "anthropic",
        "gen_ai_request_model": MODEL,
        "gen_ai_agent_id": "none",
        "gen_ai_token_type": "input",
    }
    assert metric(claude_state, "gen_ai_client_token_usage_sum", **labels) > 0


async def test_a_client_that_is_gone_when_it_is_written_to_is_not_the_apis_fault(
    claude: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Gone(web.StreamResponse):
        async def write(self, data: object) -> None:  # noqa: ARG002 - as it is called
            raise ClientConnectionResetError("Cannot write to closing transport")

    caplog.set_level(logging.INFO, "tenantry_gateway.access")
    monkeypatch.setattr(routes, "web", SimpleNamespace(StreamResponse=Gone))
    body = {"model": MODEL, "max_tokens": 9, "stream": True, "messages": HELLO}
    with suppress(ClientError):
        async with claude.post("/v1/messages", json=body) as response:
            await response.read()

    logged = vars(next(record for record in caplog.records if record.getMessage() == "request"))
    assert (logged["status"], logged.get("error")) == (CLIENT_GONE, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 400), ('{"model": 5}', 400), ('{"model": ""}', 400), ('{"model": "agent:x"}', 404), ("", 400)],
)
async def test_what_is_no_request_is_refused_here(claude: TestClient[Any, Any], body: str, status: int) -> None:
    assert (await error_of(await claude.post("/v1/messages", data=body)))[0] == status


async def test_a_large_body_is_passed_on_and_one_that_is_too_large_is_not(
    claude: TestClient[Any, Any], standin_state: State
) -> None:
    body = {"model": "agent:main", "max_tokens": 5, "messages": [{"role": "user", "content": "x" * 2_000_000}]}
    await claude.post("/v1/messages", data=BytesIO(json.dumps(body).encode()))
    assert len(standin_state.requests) == 1
    status, kind, _ = await error_of(await claude.post("/v1/messages", data=BytesIO(b"x" * (33 * 1024 * 1024))))
    assert (status, kind) == (413, "request_too_large")
