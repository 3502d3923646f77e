"""Traces by OpenTelemetry's SDK: OTLP over HTTP, on a thread of its own. Imported where they are wanted only.

The SDK reads the standard variables itself: endpoint, headers, timeout, sampler, service name, resource attributes, and
how spans are batched.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tenantry_config.version import __version__
from tenantry_gateway.errors import error_type
from tenantry_gateway.tracing import Kind, Span, Value

logger = logging.getLogger(__name__)

SERVICE: Final = "tenantry-gateway"
FLUSH_SECONDS: Final = 3.0
QUIET_SECONDS: Final = 60.0
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_PARENT: Final = "traceparent"
_LIBRARIES: Final = ("opentelemetry", "urllib3", "requests")
_KINDS: Final[dict[Kind, trace.SpanKind]] = {
    "server": trace.SpanKind.SERVER,
    "internal": trace.SpanKind.INTERNAL,
    "client": trace.SpanKind.CLIENT,
}


class OtelSpan:
    """A span of the SDK."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, name: str, value: Value) -> None:
        """An attribute."""
        self._span.set_attribute(name, _clean(value))

    def event(self, name: str) -> None:
        """An event, now."""
        self._span.add_event(name)

    def fail(self, error_type: str) -> None:
        """The status Error, without a description: that might quote a message."""
        self.set("error.type", error_type)
        self._span.set_status(trace.StatusCode.ERROR)


class OtelTracer:
    """Spans for `processor`. While it is open, log lines say which span they belong to."""

    on: Final = True

    def __init__(self, processor: SpanProcessor, *, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("tenantry_gateway", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._flush_seconds = flush_seconds
        self._quiet = [(handler, Quiet()) for handler in logging.getLogger().handlers]
        for handler, quiet in self._quiet:
            handler.addFilter(quiet)
            handler.addFilter(name_span)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value], kind: Kind = "internal") -> Iterator[Span]:
        """See `Tracer.span`."""
        with self._tracer.start_as_current_span(
            _text(name),
            kind=_KINDS[kind],
            attributes={key: _clean(value) for key, value in attributes.items()},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            made = OtelSpan(span)
            try:
                yield made
            except BaseException as error:
                if kind != "server":
                    made.fail(error_type(error))
                raise

    @contextmanager
    def adopted(self, headers: Mapping[str, str]) -> Iterator[None]:
        """See `Tracer.adopted`. A `tracestate` is not taken over: it may hold anything."""
        token = context.attach(self._propagator.extract({_PARENT: headers.get(_PARENT, "")}))
        try:
            yield
        finally:
            context.detach(token)

    async def close(self) -> None:
        """Send what is left; a collector that does not answer is left behind, with a thread that holds nothing up."""
        flush = threading.Thread(target=self._provider.shutdown, name="flush-traces", daemon=True)
        flush.start()
        await asyncio.to_thread(flush.join, self._flush_seconds)
        if flush.is_alive():
            logger.warning("the last spans are lost: the collector did not take them in %g s", self._flush_seconds)
        for handler, quiet in self._quiet:
            handler.removeFilter(quiet)
            handler.removeFilter(name_span)


class Quiet(logging.Filter):
    """Lets a line a minute through of what the SDK has to say: a collector that is away is no news every second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._until = 0.0
        self._suppressed = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; if so, how many were not since the last one is in its field `suppressed`."""
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        with self._lock:
            now = self._clock()
            if now < self._until:
                self._suppressed += 1
                return False
            self._until = now + QUIET_SECONDS
            if self._suppressed:
                record.suppressed = self._suppressed
            self._suppressed = 0
        return True


def name_span(record: logging.LogRecord) -> bool:
    """Give a log line the ids of the span that it belongs to, if it belongs to any."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        record.trace_id = trace.format_trace_id(span.trace_id)
        record.span_id = trace.format_span_id(span.span_id)
    return True


def start() -> OtelTracer:
    """The tracer that the process's environment describes; raises what the SDK raises for one that it cannot read."""
    protocol = next(filter(None, (os.environ.get(name, "").strip() for name in _PROTOCOLS)), _PROTOCOL)
    if protocol != _PROTOCOL:
        logger.warning(
            "traces are sent as %s, not as %s: name a port of the collector that takes it", _PROTOCOL, protocol
        )
    return OtelTracer(BatchSpanProcessor(OTLPSpanExporter()))


def _resource() -> Resource:
    """The gateway's own name and version, unless the environment has others."""
    return Resource.create({SERVICE_NAME: SERVICE, SERVICE_VERSION: __version__}).merge(OTELResourceDetector().detect())


def _clean(value: Value) -> str | int | float | bool | Sequence[str]:
    if isinstance(value, str):
        return _text(value)
    return [_text(item) for item in value] if isinstance(value, Sequence) else value


def _text(text: str) -> str:
    """Half a surrogate pair would cost the whole batch."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
