"""Traces of the gateway as a process: what a collector gets, and what becomes of a gateway without one."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dev.anthropic_standin.server import running_standin
from dev.anthropic_standin.state import State
from tests.integration.gateway_harness import AGENT, API_KEY, TOKEN, Place, until
from tests.integration.otlp_collector import Collector, attributes, collecting

SECRET = "Bearer collector-token-0123456789"
NEVER = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
"""Spans are sent at the end alone."""


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as running:
        yield running


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A place with configuration and secrets, and an API that answers."""
    async with running_standin(State()) as base_url:
        place = Place(tmp_path, base_url)
        place.configure(AGENT % "hello")
        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})
        yield place


async def test_a_collector_gets_what_the_gateway_did_before_it_ended(place: Place, collector: Collector) -> None:
    place.variables |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET.replace(' ', '%20')}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.namespace.name=team-a",
        **NEVER,
    }
    async with place.listening() as gateway:
        await gateway.ready()
        status, body = await gateway.chat("a private matter", senderId="jane-doe")
        assert status == 200, body
        assert collector.requests == []
        line = await gateway.logged("request")
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.ended() == 0

    assert collector.names() == ["chat claude-opus-4-5", "invoke_agent main", "POST /v1/chat"]
    call, agent, request = collector.spans
    assert call.parent_span_id == agent.span_id
    assert agent.parent_span_id == request.span_id
    assert request.parent_span_id == b""
    assert attributes(list(request.attributes)) == {
        "url.scheme": "http",
        "http.request.method": "POST",
        "http.route": "/v1/chat",
        "http.response.status_code": 200,
        "tenantry.request_id": line["request_id"],
    }
    assert attributes(list(call.attributes))["gen_ai.response.finish_reasons"] == ["end_turn"]
    assert (line["trace_id"], line["span_id"]) == (request.trace_id.hex(), request.span_id.hex())
    assert collector.resource()["service.name"] == "tenantry-gateway"
    assert collector.resource()["k8s.namespace.name"] == "team-a"
    assert [(headers["authorization"], headers["content-encoding"]) for headers in collector.headers] == [
        (SECRET, "gzip")
    ]
    for secret in (b"private", b"jane", TOKEN.encode(), API_KEY.encode(), body["reply"].encode()):
        assert secret not in collector.raw
    assert not [line for line in gateway.raw if SECRET in line]


async def test_spans_are_sent_while_the_gateway_works(place: Place, collector: Collector) -> None:
    place.variables |= {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces",
        "OTEL_SERVICE_NAME": "acme",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    async with place.listening() as gateway:
        await gateway.ready()
        await gateway.chat("hi")

        async def arrived() -> bool:
            return "POST /v1/chat" in collector.names()

        await until(arrived)

    assert collector.resource()["service.name"] == "acme"


async def test_a_sampler_that_takes_nothing_sends_nothing(place: Place, collector: Collector) -> None:
    place.variables |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_TRACES_SAMPLER": "always_off"}
    async with place.listening() as gateway:
        await gateway.ready()
        assert (await gateway.chat("hi"))[0] == 200
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.ended() == 0

    assert collector.headers == []


@pytest.mark.parametrize("away", ["refuses", "stuck", "broken"])
async def test_a_collector_that_is_away_costs_a_line_and_holds_nothing_up(
    place: Place, collector: Collector, away: str
) -> None:
    """One that refuses connections, one that takes them and says nothing, and one that answers 503."""
    hung = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    listener = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    if away == "refuses":
        listener.close()
    collector.status = 503
    url = collector.url if away == "broken" else f"http://127.0.0.1:{port}"
    place.variables |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "20"}
    async with place.listening() as gateway:
        await gateway.ready()
        for number in range(5):
            assert (await gateway.chat(f"hi {number}"))[0] == 200
            await asyncio.sleep(0.1)
        if away != "stuck":
            await gateway.logged("Transient error")
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        await gateway_log_is_whole(gateway.raw)
    hung.set()
    listener.close()

    said = [line for line in gateway.lines if line["logger"].startswith(("opentelemetry", "urllib3"))]
    assert len(said) == (0 if away == "stuck" else 1), said
    if away == "stuck":
        assert [line for line in gateway.lines if line["message"].startswith("the last spans are lost")]


async def gateway_log_is_whole(raw: list[str]) -> None:
    """Return once the last line of a gateway that has ended is read."""

    async def last() -> bool:
        return bool(json.loads(raw[-1])["message"] == "stopped")

    await until(last)
