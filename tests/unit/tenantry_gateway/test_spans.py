"""The spans of a gateway's work: their names, attributes and parents, and that nothing that was said is in them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry.trace import StatusCode

from dev.anthropic_standin.state import State
from tenantry_gateway.errors import UpstreamOverloaded
from tenantry_gateway.providers.anthropic import AnthropicModel
from tenantry_gateway.providers.model import ModelReply
from tests.unit.tenantry_gateway.harness import API_KEY, TOKEN, EchoModel, PlayedModel, snapshot, until
from tests.unit.tenantry_gateway.tracing_harness import (
    Traced,
    attributes,
    is_child,
    is_kind,
    log_line,
    trace_id,
    traced,
)

MODEL = "claude-opus-4-5"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HELLO: Any = [{"role": "user", "content": "a private matter"}]
CHAT = f"chat {MODEL}"


@pytest.fixture
async def echoing(tmp_path: Path) -> AsyncIterator[Traced]:
    async with traced(EchoModel(), tmp_path) as gateway:
        yield gateway


@pytest.fixture
async def playing(played: PlayedModel, tmp_path: Path) -> AsyncIterator[Traced]:
    async with traced(played, tmp_path) as gateway:
        yield gateway


@pytest.fixture
async def calling(standin: str, tmp_path: Path) -> AsyncIterator[Traced]:
    """A gateway whose model is the official SDK against the stand-in."""
    model = AnthropicModel()
    async with traced(model, tmp_path, standin) as gateway:
        yield gateway
    await model.close()


async def test_a_message_is_a_request_an_agent_and_a_call_of_its_model(echoing: Traced) -> None:
    response = await echoing.client.post("/v1/chat?note=private", json={"text": "hi"})
    await response.read()

    assert echoing.names() == [CHAT, "invoke_agent main", "POST /v1/chat"]
    request, agent, call = map(echoing.span, ("POST /v1/chat", "invoke_agent main", CHAT))
    assert request.parent is None
    assert is_child(agent, request)
    assert is_child(call, agent)
    assert is_kind(request, "SERVER")
    assert is_kind(agent, "INTERNAL")
    assert is_kind(call, "CLIENT")
    assert attributes(request) == {
        "url.scheme": "http",
        "http.request.method": "POST",
        "http.route": "/v1/chat",
        "http.response.status_code": 200,
        "tenantry.request_id": response.headers["request-id"],
    }
    assert attributes(agent) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.id": "main",
        "gen_ai.agent.name": "main",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": MODEL,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.response.finish_reasons": ("end_turn",),
    }
    seconds = attributes(call)["gen_ai.response.time_to_first_chunk"]
    assert 0 <= seconds < 60
    assert attributes(call) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.agent.id": "main",
        "gen_ai.agent.name": "main",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": seconds,
        "gen_ai.response.finish_reasons": ("end_turn",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 2,
        "server.address": "api.anthropic.com",
        "server.port": 443,
    }
    assert [event.name for event in call.events] == ["first_token"]
    assert {span.status.status_code for span in echoing.spans} == {StatusCode.UNSET}


async def test_no_span_holds_what_is_said_who_said_it_or_a_secret(calling: Traced, standin_state: State) -> None:
    body = {"text": "a private matter", "senderId": "jane-doe", "channel": "slack", "channelId": "c-of-jane"}
    first = await (await calling.client.post("/v1/chat?note=private", json=body)).json()
    await (await calling.client.get(f"/v1/sessions/{first['sessionKey']}")).read()
    await (await calling.client.delete(f"/v1/sessions/{first['sessionKey']}")).read()
    passed: dict[str, Any] = {
        "model": "a private model",
        "messages": HELLO,
        "max_tokens": 0,
        "metadata": {"user_id": "jane-doe"},
    }
    await (await calling.client.post("/v1/messages", json=passed)).read()
    await (await calling.client.get("/private/path")).read()

    assert len(standin_state.requests) >= 2
    assert calling.names()[-1] == "GET"
    told = calling.everything()
    for secret in ("private", "jane", TOKEN, API_KEY, first["sessionKey"], first["reply"]):
        assert secret not in told


async def test_a_clients_trace_goes_on_and_its_state_is_not_taken_over(echoing: Traced) -> None:
    headers = {"traceparent": PARENT, "tracestate": "vendor=private"}
    await (await echoing.client.post("/v1/chat", json={"text": "hi"}, headers=headers)).read()

    assert {trace_id(span) for span in echoing.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    parent = echoing.span("POST /v1/chat").parent
    assert parent is not None
    assert f"{parent.span_id:016x}" == "b7ad6b7169203331"
    assert "private" not in echoing.everything()


async def test_a_trace_that_its_client_does_not_sample_is_none_here(echoing: Traced) -> None:
    await (
        await echoing.client.post("/v1/chat", json={"text": "hi"}, headers={"traceparent": PARENT[:-1] + "0"})
    ).read()
    await (await echoing.client.get("/v1/route")).read()

    assert echoing.names() == ["GET /v1/route"]


@pytest.mark.parametrize(
    "parent", ["", "00-xyz", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "\udcff\udcfe", "a" * 4000]
)
async def test_a_traceparent_that_is_none_begins_a_trace(echoing: Traced, parent: str) -> None:
    await (await echoing.client.get("/v1/route", headers={"traceparent": parent})).read()

    assert echoing.span("GET /v1/route").parent is None


async def test_probes_are_not_traced(echoing: Traced) -> None:
    for path in ("/health", "/ready", "/metrics"):
        await (await echoing.client.get(path)).read()

    assert echoing.names() == []


@pytest.mark.parametrize(
    ("method", "path", "name", "error", "status"),
    [
        ("POST", "/v1/chat", "POST /v1/chat", "invalid_request_error", 400),
        ("GET", "/v1/nothing", "GET", "not_found_error", 404),
        ("PUT", "/v1/chat", "PUT", "invalid_request_error", 405),
        ("PROPFIND", "/v1/chat", "HTTP", "invalid_request_error", 405),
    ],
)
async def test_a_refused_request_is_named_but_not_the_gateways_failure(
    echoing: Traced, method: str, path: str, name: str, error: str, status: int
) -> None:
    await (await echoing.client.request(method, path)).read()

    (span,) = echoing.spans
    assert span.name == name
    assert attributes(span)["error.type"] == error
    assert attributes(span)["http.response.status_code"] == status
    assert attributes(span)["http.request.method"] == ("_OTHER" if method == "PROPFIND" else method)
    assert span.status.status_code is StatusCode.UNSET


async def test_an_error_of_the_model_fails_all_that_waited_for_it(playing: Traced, played: PlayedModel) -> None:
    asking = asyncio.create_task(playing.client.post("/v1/chat", json={"text": "hi"}))
    call = await played.calls.get()
    call.usage.input_tokens = 7
    call.result.set_exception(UpstreamOverloaded("a private matter"))
    response = await asking

    assert response.status == 529
    for span in playing.spans:
        assert attributes(span)["error.type"] == "overloaded_error", span.name
        assert span.status.status_code is StatusCode.ERROR, span.name
    assert attributes(playing.span(CHAT))["gen_ai.usage.input_tokens"] == 7
    assert "gen_ai.response.finish_reasons" not in attributes(playing.span(CHAT))
    assert "private" not in playing.everything()


async def test_an_error_after_the_first_words_fails_the_request_that_was_answered(
    playing: Traced, played: PlayedModel
) -> None:
    asking = asyncio.create_task(playing.client.post("/v1/chat", json={"text": "hi", "stream": True}))
    call = await played.calls.get()
    await call.on_text("some")
    call.result.set_exception(UpstreamOverloaded("enough"))
    assert "event: error" in await (await asking).text()

    span = await playing.ended("POST /v1/chat")
    assert attributes(span)["http.response.status_code"] == 200
    assert attributes(span)["error.type"] == "overloaded_error"
    assert span.status.status_code is StatusCode.ERROR


async def test_a_streams_span_lasts_until_its_last_word(playing: Traced, played: PlayedModel) -> None:
    asking = asyncio.create_task(playing.client.post("/v1/chat", json={"text": "hi", "stream": True}))
    call = await played.calls.get()
    await call.on_text("some ")
    response = await asking
    assert playing.names() == []

    call.result.set_result(ModelReply("some words", "max_tokens"))
    await response.read()
    request = await playing.ended("POST /v1/chat")
    model = playing.span(CHAT)
    (first,) = model.events
    assert model.start_time is not None
    assert model.end_time is not None
    assert request.end_time is not None
    assert model.start_time <= first.timestamp <= model.end_time <= request.end_time
    assert attributes(model)["gen_ai.response.finish_reasons"] == ("max_tokens",)


async def test_a_client_that_leaves_is_named_in_all_spans(playing: Traced, played: PlayedModel) -> None:
    asking = asyncio.create_task(playing.client.post("/v1/chat", json={"text": "hi"}))
    await played.calls.get()
    asking.cancel()

    request = await playing.ended("POST /v1/chat")
    assert playing.names() == [CHAT, "invoke_agent main", "POST /v1/chat"]
    assert {attributes(span)["error.type"] for span in playing.spans} == {"client_gone"}
    assert "http.response.status_code" not in attributes(request)
    assert request.status.status_code is StatusCode.UNSET


async def test_a_keyed_turn_that_outlives_its_client_stays_in_its_trace(playing: Traced, played: PlayedModel) -> None:
    headers = {"Idempotency-Key": "one"}
    asking = asyncio.create_task(playing.client.post("/v1/chat", json={"text": "hi"}, headers=headers))
    call = await played.calls.get()
    asking.cancel()
    request = await playing.ended("POST /v1/chat")
    call.finish()
    agent = await playing.ended("invoke_agent main")

    assert is_child(agent, request)
    assert "error.type" not in attributes(agent)


async def test_a_tool_runs_within_its_agent_between_two_calls(calling: Traced) -> None:
    assert calling.state.snapshot is not None
    tools = f"agents: {{main: {{model: {MODEL}, tools: {{policy: read-only}}}}}}"
    calling.state.snapshot = snapshot(tools, base_url=calling.state.snapshot.base_url or "")
    for zone in ("Europe/Berlin", "Nowhere/None"):
        text = f'!tool current_time {{"timezone": "{zone}"}}'
        response = await calling.client.post("/v1/chat", json={"text": text, "channelId": zone, "channel": "slack"})
        assert response.status == 200, await response.text()

    turn = [CHAT, "execute_tool current_time", CHAT, "invoke_agent main", "POST /v1/chat"]
    assert calling.names() == [*turn, *turn]
    worked, failed = (span for span in calling.spans if span.name == "execute_tool current_time")
    assert is_child(worked, calling.spans[3])
    assert is_kind(worked, "INTERNAL")
    assert attributes(worked) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.agent.id": "main",
        "gen_ai.agent.name": "main",
        "gen_ai.tool.name": "current_time",
        "gen_ai.tool.type": "function",
    }
    assert attributes(failed)["error.type"] == "tool_error"
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes(calling.spans[0])["gen_ai.response.finish_reasons"] == ("tool_use",)
    assert "Berlin" not in calling.everything()


async def test_what_is_passed_on_is_a_call_of_the_model(calling: Traced) -> None:
    body = {"model": "agent:devops", "max_tokens": 100, "messages": HELLO}
    answer = await (await calling.client.post("/v1/messages", json=body)).json()
    await (await calling.client.post("/v1/messages", json={**body, "model": MODEL, "stream": True})).read()
    await (await calling.client.post("/v1/messages/count_tokens", json={"model": MODEL, "messages": HELLO})).read()

    assert calling.names() == [
        CHAT,
        "POST /v1/messages",
        CHAT,
        "POST /v1/messages",
        f"count_tokens {MODEL}",
        "POST /v1/messages/count_tokens",
    ]
    whole, request, streamed = calling.spans[:3]
    assert is_child(whole, request)
    assert is_kind(whole, "CLIENT")
    assert attributes(whole)["gen_ai.agent.id"] == "devops"
    assert attributes(whole)["gen_ai.usage.output_tokens"] == answer["usage"]["output_tokens"]
    assert attributes(whole)["server.address"] == "127.0.0.1"
    assert "gen_ai.request.stream" not in attributes(whole)
    assert "gen_ai.agent.id" not in attributes(streamed)
    assert attributes(streamed)["gen_ai.request.stream"] is True
    assert attributes(streamed)["gen_ai.usage.output_tokens"] > 0
    assert [event.name for event in streamed.events] == ["first_token"]


async def test_a_request_that_the_api_refuses_fails_the_call_alone(calling: Traced) -> None:
    body = {"model": "any-name", "max_tokens": 0, "messages": HELLO}
    await (await calling.client.post("/v1/messages", json=body)).read()

    call, request = calling.spans
    assert call.name == "chat"
    assert "gen_ai.request.model" not in attributes(call)
    assert attributes(call)["error.type"] == f"http_{attributes(request)['http.response.status_code']}"
    assert call.status.status_code is StatusCode.ERROR
    assert request.status.status_code is StatusCode.UNSET


async def test_an_api_that_is_away_fails_call_and_request(calling: Traced) -> None:
    calling.state.snapshot = snapshot(base_url="http://user:secret@127.0.0.1:9")
    body = {"model": MODEL, "max_tokens": 1, "messages": HELLO}
    assert (await calling.client.post("/v1/messages", json=body)).status == 502

    call, request = calling.spans
    assert attributes(call)["error.type"] == attributes(request)["error.type"] == "api_error"
    assert (attributes(call)["server.address"], attributes(call)["server.port"]) == ("127.0.0.1", 9)
    assert request.status.status_code is StatusCode.ERROR
    assert "secret" not in calling.everything()


async def test_each_call_over_a_websocket_has_a_span_of_its_own(
    playing: Traced, played: PlayedModel, caplog: pytest.LogCaptureFixture
) -> None:
    async with playing.client.ws_connect("/ws", headers={"traceparent": PARENT}) as socket:
        await socket.send_json({"type": "connect", "protocol": 1, "token": TOKEN})
        await socket.receive()
        for number, method in enumerate(("ping", "a private matter")):
            await socket.send_json({"type": "req", "id": str(number), "method": method, "params": {}})
            await socket.receive()
        with caplog.at_level(logging.INFO):
            await socket.send_json({"type": "req", "id": "c", "method": "chat", "params": {"text": "hi"}})
            (await played.calls.get()).finish()
            answer = json.loads((await socket.receive()).data)
            assert answer["ok"] is True
            chat = await playing.ended("/ws chat")
        await socket.send_json({"type": "req", "id": "d", "method": "chat", "params": {"text": "hi"}})
        call = await played.calls.get()
    await until(lambda: call.cancelled and len(playing.spans) == 8)

    assert playing.names() == [
        *("/ws ping", "/ws unknown"),
        *(CHAT, "invoke_agent main", "/ws chat"),
        *(CHAT, "invoke_agent main", "/ws chat"),
    ]
    agent, gone = playing.spans[3], playing.spans[-1]
    assert is_child(agent, chat)
    assert is_kind(chat, "SERVER")
    assert {trace_id(span) for span in playing.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    line = log_line(caplog.records, "tenantry_gateway.access")
    assert attributes(chat) == {
        "http.route": "/ws",
        "network.protocol.name": "websocket",
        "tenantry.websocket.method": "chat",
        "tenantry.request_id": line["request_id"],
    }
    assert line["trace_id"] == trace_id(chat)
    assert attributes(playing.span("/ws unknown"))["error.type"] == "not_found_error"
    assert gone.status.status_code is StatusCode.UNSET
    assert "error.type" in attributes(gone)
    assert "private" not in playing.everything()


async def test_log_lines_name_the_span_that_they_belong_to(echoing: Traced, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await (await echoing.client.post("/v1/chat", json={"text": "hi"})).read()
        logging.getLogger("elsewhere").info("nothing is going on")

    request = echoing.span("POST /v1/chat")
    assert request.context is not None
    line = log_line(caplog.records, "tenantry_gateway.access")
    assert (line["trace_id"], line["span_id"]) == (trace_id(request), f"{request.context.span_id:016x}")
    assert "trace_id" not in log_line(caplog.records, "elsewhere")


async def test_the_api_is_told_of_no_trace(calling: Traced, standin_state: State) -> None:
    headers = {"traceparent": PARENT}
    await (await calling.client.post("/v1/chat", json={"text": "hi"}, headers=headers)).read()
    body = {"model": MODEL, "max_tokens": 1, "messages": HELLO}
    await (await calling.client.post("/v1/messages", json=body, headers=headers)).read()

    assert len(standin_state.requests) == 2
    assert "0af7651916cd43dd8448eb211c80319c" not in str(standin_state.requests)


async def test_a_client_that_hangs_up_in_mid_stream_ends_the_call_that_is_passed_on(calling: Traced) -> None:
    body = {"model": MODEL, "max_tokens": 1000, "stream": True}
    body["messages"] = [{"role": "user", "content": "!chunk-delay 0.05 " + "word " * 100}]
    async with aiohttp.ClientSession(headers={"x-api-key": TOKEN}) as session:
        response = await session.post(calling.client.make_url("/v1/messages"), json=body)
        await response.content.readany()
        response.close()

    request = await calling.ended("POST /v1/messages")
    assert attributes(calling.span(CHAT))["error.type"] == "client_gone"
    assert attributes(calling.span(CHAT))["gen_ai.usage.input_tokens"] > 0
    assert attributes(request)["error.type"] == "client_gone"
