"""Gateways in this process whose spans a test looks at."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from tenantry_gateway.providers.model import Model
from tenantry_gateway.state import GatewayState
from tenantry_gateway.tracing_otel import OtelTracer
from tests.unit.tenantry_gateway.harness import gateway_state, serving, snapshot, until


@dataclass
class Traced:
    """A gateway, its client and the spans that have ended."""

    state: GatewayState
    client: TestClient[Any, Any]
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def names(self) -> list[str]:
        """In the order of their ends."""
        return [span.name for span in self.spans]

    def span(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (span,) = [span for span in self.spans if span.name == name]
        return span

    async def ended(self, name: str) -> ReadableSpan:
        await until(lambda: name in self.names())
        return self.span(name)

    def everything(self) -> str:
        """All that a collector would be told."""
        return "".join(span.to_json() for span in self.spans)


@asynccontextmanager
async def traced(model: Model, folder: Path, base_url: str = "") -> AsyncIterator[Traced]:
    exporter = InMemorySpanExporter()
    tracer = OtelTracer(SimpleSpanProcessor(exporter))
    try:
        async with gateway_state(model, folder, tracer=tracer) as state:
            state.snapshot = snapshot(base_url=base_url)
            async with serving(state) as client:
                yield Traced(state, client, exporter)
    finally:
        await tracer.close()


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    assert span.attributes is not None
    return span.attributes


def is_child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    assert parent.context is not None
    return span.parent is not None and span.parent.span_id == parent.context.span_id


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def is_kind(span: ReadableSpan, kind: str) -> bool:
    return span.kind is SpanKind[kind]


def log_line(caplog_records: list[logging.LogRecord], name: str) -> dict[str, Any]:
    """The only line of that logger."""
    (record,) = [record for record in caplog_records if record.name == name]
    return record.__dict__
