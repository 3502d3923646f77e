"""A collector of traces, in this process: it takes OTLP over HTTP and keeps the spans."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Attributes = dict[str, object]


@dataclass
class Collector:
    """What has arrived. `status` is what it answers."""

    url: str = ""
    status: int = 200
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    raw: bytes = b""

    @property
    def spans(self) -> list[Span]:
        return list(self._spans())

    def _spans(self) -> Iterator[Span]:
        for request in self.requests:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    yield from scope.spans

    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def span(self, name: str) -> Span:
        """The only one of that name."""
        (span,) = [span for span in self.spans if span.name == name]
        return span

    def resource(self) -> Attributes:
        """What all of them say of the process."""
        first, *others = [
            attributes(resource.resource.attributes) for request in self.requests for resource in request.resource_spans
        ]
        assert all(other == first for other in others)
        return first

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.status == 200:
            self.raw += body
            self.requests.append(ExportTraceServiceRequest.FromString(body))
        return web.Response(status=self.status)


def attributes(pairs: list[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    assert kind is not None
    return getattr(value, kind)


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    async with TestServer(app) as server:
        collector.url = str(server.make_url("")).rstrip("/")
        yield collector
