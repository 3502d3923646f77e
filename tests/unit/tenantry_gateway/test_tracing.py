"""When traces are on, what it takes, and that they cost nothing while they are off."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from threading import Event

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tenantry_config.version import __version__
from tenantry_gateway import spans
from tenantry_gateway.tracing import NO_SPAN, OFF, secrets_of, start_tracing, wanted
from tenantry_gateway.tracing_otel import OtelTracer, Quiet

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
SHORT = 0.05


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def untouched_handlers() -> Iterator[None]:
    """Fail a test that leaves filters behind."""
    handlers = logging.getLogger().handlers
    before = [handler.filters[:] for handler in handlers]
    yield
    assert [handler.filters for handler in handlers] == before


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_EXPORTER": "otlp"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        (COLLECTOR, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/v1/traces"}, True),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "false"}, True),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**COLLECTOR, "OTEL_SDK_DISABLED": "TRUE"}, False),
    ],
)
def test_a_named_collector_switches_traces_on(environment: Mapping[str, str], on: bool) -> None:
    assert wanted(environment) is on


def test_nothing_of_opentelemetry_is_imported_unless_traces_are_on() -> None:
    """The Anthropic SDK, imported once the gateway listens, needs the API itself, but neither SDK nor exporter."""
    program = """
import asyncio, os, sys
import tenantry_gateway.__main__
from tenantry_gateway.tracing import start_tracing
assert not start_tracing(os.environ).on
assert not [name for name in sys.modules if name.startswith("opentelemetry")], "at the start"
from tenantry_gateway.providers.anthropic import AnthropicModel
asyncio.run(AnthropicModel().load())
assert not [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))], "loaded"
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
assert start_tracing(os.environ).on
assert "opentelemetry.sdk.trace" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr


def test_without_the_extra_there_is_one_warning_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "tenantry_gateway.tracing_otel")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    assert start_tracing(COLLECTOR) is OFF
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "pip install 'tenantry[tracing]'" in record.getMessage()


def test_settings_that_the_sdk_cannot_read_are_a_warning_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")

    assert start_tracing(COLLECTOR) is OFF
    assert "traces are off" in caplog.text
    assert "max_queue_size must be a positive integer" in caplog.text


async def test_another_protocol_than_the_one_that_is_spoken_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    tracer = start_tracing(COLLECTOR)
    await tracer.close()

    assert tracer.on
    assert "http/protobuf, not as grpc" in caplog.text


def test_headers_for_the_collector_are_secrets() -> None:
    environment = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer abc,x-key= k1"}

    assert secrets_of(environment) == ["authorization=Bearer abc,x-key= k1", "Bearer abc", "k1"]
    assert secrets_of({}) == []


async def test_off_is_nothing_at_all() -> None:
    with OFF.adopted({"traceparent": "x"}), OFF.span("name", {}) as span:
        span.set("name", "value")
        span.event("name")
        span.fail("name")
    await OFF.close()

    assert not OFF.on
    assert span is NO_SPAN
    assert spans.agent_span(OFF, "a", "m") is NO_SPAN
    assert spans.model_span(OFF, "m", None) is NO_SPAN
    assert spans.tool_span(OFF, "a", "t") is NO_SPAN


def test_off_takes_no_time_worth_mentioning() -> None:
    """A turn takes about three spans and ten remarks; this many of them must not take a second."""
    started = time.process_time()
    for _ in range(10_000):
        with spans.model_span(OFF, "m", "http://collector", agent_id="a") as span:
            spans.tell_first(span, 1.0)
            spans.tell_reason(span, "end_turn")

    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "tenantry-gateway"),
        ({"OTEL_SERVICE_NAME": "acme"}, "acme"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,k8s.namespace.name=team"}, "shop"),
    ],
)
async def test_the_service_is_the_gateway_unless_the_environment_has_another_name(
    monkeypatch: pytest.MonkeyPatch, exporter: InMemorySpanExporter, variables: Mapping[str, str], name: str
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    tracer = OtelTracer(SimpleSpanProcessor(exporter))
    with tracer.span("work", {}):
        pass
    await tracer.close()

    (span,) = exporter.get_finished_spans()
    assert span.resource.attributes["service.name"] == name
    assert span.resource.attributes["service.version"] == __version__
    if "OTEL_RESOURCE_ATTRIBUTES" in variables:
        assert span.resource.attributes["k8s.namespace.name"] == "team"


async def test_text_that_is_none_does_not_cost_the_batch(exporter: InMemorySpanExporter) -> None:
    tracer = OtelTracer(SimpleSpanProcessor(exporter))
    with tracer.span("a\ud800", {"b": "c\udfff"}) as span:
        span.set("reasons", ["d\ud800", "é"])
    await tracer.close()

    (span_,) = exporter.get_finished_spans()
    assert span_.name == "a?"
    assert span_.attributes == {"b": "c?", "reasons": ("d?", "é")}


class Stuck(SpanExporter):
    """A collector that takes nothing until it is told to."""

    def __init__(self) -> None:
        self.released = Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        self.released.wait()
        return SpanExportResult.SUCCESS


@pytest.mark.usefixtures("untouched_handlers")
async def test_the_end_does_not_wait_for_a_collector_that_is_stuck(caplog: pytest.LogCaptureFixture) -> None:
    stuck = Stuck()
    tracer = OtelTracer(BatchSpanProcessor(stuck), flush_seconds=SHORT)
    with tracer.span("work", {}):
        pass
    started = time.monotonic()
    await tracer.close()
    took = time.monotonic() - started
    stuck.released.set()

    assert SHORT <= took < 10
    assert "the last spans are lost" in caplog.text


@pytest.mark.usefixtures("untouched_handlers")
async def test_the_end_sends_what_is_left(exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture) -> None:
    tracer = OtelTracer(BatchSpanProcessor(exporter))
    with tracer.span("work", {}):
        pass
    assert exporter.get_finished_spans() == ()
    await tracer.close()

    assert [span.name for span in exporter.get_finished_spans()] == ["work"]
    assert caplog.text == ""


def test_the_sdk_says_something_once_a_minute_and_others_whenever_they_want() -> None:
    now = 100.0
    quiet = Quiet(lambda: now)

    def said(name: str) -> logging.LogRecord | None:
        record = logging.LogRecord(name, logging.WARNING, "", 0, "the collector is away", (), None)
        return record if quiet.filter(record) else None

    first = said("opentelemetry.exporter.otlp.proto.http")
    assert first is not None
    assert not hasattr(first, "suppressed")
    now += 59
    assert said("opentelemetry.sdk.trace") is None
    assert said("urllib3.connectionpool") is None
    assert said("tenantry_gateway.access") is not None
    assert said("opentelemetryx") is not None
    now += 2
    later = said("opentelemetry.sdk.trace")
    assert later is not None
    assert later.__dict__["suppressed"] == 2
