"""One record a request: its id, what the access log and the metrics say about it, and that it is in flight."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from tenantry_gateway.identity.client_address import client_address
from tenantry_gateway.ids import new_ids
from tenantry_gateway.logs import Line
from tenantry_gateway.state import STATE, GatewayState

logger = logging.getLogger("tenantry_gateway.access")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CLIENT_GONE: Final = 499
SOCKETS: Final = "/ws"
"""Its requests last as long as their clients stay: they are no measure of the gateway."""
PROBES: Final = frozenset({"/health", "/ready", "/metrics"})


_IDS: Final = new_ids("req")


def new_request_id() -> str:
    """`req_` and 32 hexadecimal digits."""
    return next(_IDS)


@dataclass(slots=True)
class Record:
    """What becomes known of a request while it is answered. Never its content."""

    request_id: str = field(default_factory=new_request_id)
    started: float = field(default_factory=time.monotonic)
    principal: str | None = None
    agent_id: str | None = None
    channel: str | None = None
    error_type: str | None = None
    upstream_request_id: str | None = None
    status: int = 0
    """Of the answer; 0 before it is known, `CLIENT_GONE` where nobody waited for it."""
    answering: bool = False
    """Whether the status is sent: nothing else can be answered then."""


RECORD: web.RequestKey[Record] = web.RequestKey("record", Record)


async def finish_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the request's id, and end the connection while the gateway is stopping. A signal: streams start early."""
    response.headers["Server"] = "tenantry-gateway"
    if RECORD in request:
        response.headers["request-id"] = request[RECORD].request_id
        request[RECORD].answering = True
    if request.app[STATE].draining:
        response.headers["Connection"] = "close"
        response.force_close()


def report_message(state: GatewayState, record: Record, route: str, status: int, **fields: object) -> None:
    """Log and count a message that was answered: a request, or a call over a WebSocket."""
    seconds = time.monotonic() - record.started
    record.status = status
    if record.channel is not None:
        state.metrics.message(record.agent_id or "none", record.channel, status)
    level = logging.DEBUG if route in PROBES else logging.INFO
    if not logger.isEnabledFor(level):
        return
    line = {
        "request_id": record.request_id,
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        **fields,
        "principal": record.principal,
        "agent": record.agent_id,
        "channel": record.channel,
        "error": record.error_type,
        "upstream_request_id": record.upstream_request_id,
    }
    known = {name: value for name, value in line.items() if value is not None}
    logger.handle(Line(logger.name, level, "request", known))


def report_request(request: web.Request, state: GatewayState, record: Record, status: int) -> None:
    """Log and count a request that has ended, with `CLIENT_GONE` where nobody waited for the answer."""
    route = route_of(request)
    state.metrics.request(route, status, None if route == SOCKETS else time.monotonic() - record.started)
    report_message(state, record, route, status, method=request.method, client=_client(request, state))


def route_of(request: web.Request) -> str:
    """The route's pattern, never the path that was sent: it may hold anything, and labels are bounded."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _client(request: web.Request, state: GatewayState) -> str:
    trusted = state.snapshot.trusted_proxies if state.snapshot else ()
    if not trusted:
        return request.remote or ""
    return client_address(request.remote or "", request.headers.getall("X-Forwarded-For", []), trusted)
