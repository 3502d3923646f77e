"""A span around every request and every call over a WebSocket, within the client's trace if it names one."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from tenantry_gateway.middleware.record import CLIENT_GONE, PROBES, RECORD, SOCKETS, Handler, Record, route_of
from tenantry_gateway.state import STATE
from tenantry_gateway.tracing import Span, Value

_ERROR: Final = 500
_REFUSED: Final = 400
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_OTHER: Final = "_OTHER"


@web.middleware
async def trace_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Trace a request, unless it is a probe. One that opens a WebSocket has no span: it may last for weeks."""
    route = route_of(request)
    if route in PROBES:
        return await handler(request)
    tracer = request.app[STATE].tracer
    with tracer.adopted(request.headers):
        if route == SOCKETS:
            return await handler(request)
        attributes: dict[str, Value] = {"url.scheme": request.scheme}
        method = request.method if request.method in _METHODS else _OTHER
        attributes["http.request.method"] = method
        name = "HTTP" if method == _OTHER else method
        if route != "unknown":
            attributes["http.route"] = route
            name = f"{name} {route}"
        with tracer.span(name, attributes, "server") as span:
            try:
                return await handler(request)
            finally:
                record = request[RECORD]
                tell_record(span, record)
                if record.status != CLIENT_GONE:
                    span.set("http.response.status_code", record.status)


def tell_record(span: Span, record: Record) -> None:
    """What became known of a request. It has failed if that is the gateway's fault, or its answer was broken off."""
    span.set("tenantry.request_id", record.request_id)
    if record.status == CLIENT_GONE:
        span.set("error.type", record.error_type or "client_gone")
    elif record.status >= _ERROR or (record.error_type is not None and record.status < _REFUSED):
        span.fail(record.error_type or str(record.status))
    elif record.error_type is not None:
        span.set("error.type", record.error_type)
