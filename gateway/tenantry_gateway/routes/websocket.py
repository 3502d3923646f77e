"""`GET /ws`: conversations over a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from tenantry_gateway.conversation.request import ChatRequest
from tenantry_gateway.errors import (
    AuthenticationFailed,
    GatewayError,
    InvalidRequest,
    NotFound,
    NotReady,
    PermissionDenied,
    RequestCancelled,
    TooManyRequests,
)
from tenantry_gateway.idempotency.keys import check_key
from tenantry_gateway.identity.principal import Principal
from tenantry_gateway.middleware.errors import describe
from tenantry_gateway.middleware.record import RECORD, Record, report_message
from tenantry_gateway.middleware.trace import tell_record
from tenantry_gateway.routes.body import parse_json, validate
from tenantry_gateway.routes.caller import local_caller, principal_of
from tenantry_gateway.routes.chat import channel_label
from tenantry_gateway.state import STATE, GatewayState
from tenantry_gateway.websocket.connection import Connection
from tenantry_gateway.websocket.frames import (
    PROTOCOL,
    FrameRefused,
    RequestFrame,
    failure,
    parse_connect,
    parse_request,
    success,
)

logger = logging.getLogger(__name__)

ROUTE: Final = "/ws"
CONNECT_SECONDS: Final = 10.0
MAX_CALLS: Final = 32
"""Of one connection at a time."""


async def websocket(request: web.Request) -> web.StreamResponse:
    """Serve a client until it, or the process, ends."""
    state = request.app[STATE]
    _check_origin(request)
    state.current()
    if state.draining:
        raise NotReady("the gateway is stopping", retry_after=1.0)
    connection = Connection()
    await connection.prepare(request)
    state.sockets.add(connection)
    try:
        token = await _connect(request, state, connection)
        if token is not None:
            await _serve(request, state, connection, token)
    except ConnectionError:
        logger.debug("a client is gone")
    finally:
        state.sockets.remove(connection)
        connection.cancel_calls()
    return connection.socket


def _check_origin(request: web.Request) -> None:
    """A web page may connect only to the host that it came from: browsers ask nobody before they open a WebSocket."""
    origin = request.headers.get("Origin")
    if origin is None:
        return
    try:
        page, own = urlsplit(origin), urlsplit(f"//{request.headers.get('Host', '')}")
        same = page.hostname is not None and page.hostname == own.hostname and own.port in {None, _port(page)}
    except ValueError:
        same = False
    if not same:
        raise PermissionDenied("a WebSocket may be opened by pages of this host alone: Origin must equal Host")


def _port(page: Any) -> int | None:
    port: int | None = page.port
    return port or {"http": 80, "https": 443}.get(page.scheme)


async def _connect(request: web.Request, state: GatewayState, connection: Connection) -> str | None:
    """The token of the first frame, if it opens the connection; else the connection is closed."""
    try:
        message = await connection.socket.receive(CONNECT_SECONDS)
    except TimeoutError:
        await connection.close(WSCloseCode.POLICY_VIOLATION, "no connect frame within 10 s")
        return None
    if message.type is not WSMsgType.TEXT:
        if message.type is WSMsgType.BINARY:
            await connection.close(WSCloseCode.UNSUPPORTED_DATA, "frames are text")
        return None
    try:
        frame = parse_connect(message.data)
        if frame.protocol != PROTOCOL:
            await connection.close(WSCloseCode.PROTOCOL_ERROR, f"this gateway speaks protocol {PROTOCOL}")
            return None
        token = frame.token.get_secret_value()
        principal = _principal(request, state, token)
    except (FrameRefused, GatewayError) as error:
        if isinstance(error, GatewayError):
            describe(request[RECORD], error)
            state.denied(error, None, ROUTE)
        await connection.close(WSCloseCode.POLICY_VIOLATION, str(error))
        return None
    request[RECORD].principal = principal.id
    hello = {"protocol": PROTOCOL, "principal": principal.id, "role": principal.role, "maxFrameBytes": 512 * 1024}
    await connection.event("connected", hello)
    return token


def _principal(request: web.Request, state: GatewayState, token: str) -> Principal:
    """Whoever the token stands for at the moment: one that was withdrawn since is refused."""
    snapshot = state.current()
    if not snapshot.tokens:
        return local_caller(request, snapshot)
    return principal_of(token, snapshot)


async def _serve(request: web.Request, state: GatewayState, connection: Connection, token: str) -> None:
    async for message in connection.socket:
        frame = await _frame(connection, message)
        if frame is None:
            return
        record = Record(principal=request[RECORD].principal)
        try:
            principal = _principal(request, state, token)
        except AuthenticationFailed as error:
            await connection.send(failure(frame.id, error, record.request_id))
            await connection.close(WSCloseCode.POLICY_VIOLATION, "the token is no longer accepted")
            return
        await _begin(state, connection, principal, frame, record)


async def _frame(connection: Connection, message: WSMessage) -> RequestFrame | None:
    """The call of a message; None: it was none, and the connection is closed."""
    if message.type is not WSMsgType.TEXT:
        if message.type is WSMsgType.BINARY:
            await connection.close(WSCloseCode.UNSUPPORTED_DATA, "frames are text")
        return None
    try:
        return parse_request(parse_json(message.data.encode()))
    except (UnicodeError, InvalidRequest):
        await connection.close(WSCloseCode.INVALID_TEXT, "a frame must be JSON")
    except FrameRefused as error:
        await connection.close(WSCloseCode.POLICY_VIOLATION, str(error))
    return None


Method = Callable[[GatewayState, Connection, Principal, RequestFrame, Record], Awaitable[Mapping[str, object]]]


async def _begin(
    state: GatewayState, connection: Connection, principal: Principal, frame: RequestFrame, record: Record
) -> None:
    """Start a call; what it needs is checked in it, so that each call gets its answer."""
    if frame.id in connection.calls:
        await connection.close(WSCloseCode.POLICY_VIOLATION, "the id of a call that has no answer yet was used again")
        return
    task = asyncio.create_task(_traced(state, connection, principal, frame, record))
    connection.calls[frame.id] = task
    task.add_done_callback(lambda _task: connection.calls.pop(frame.id, None))


async def _traced(
    state: GatewayState, connection: Connection, principal: Principal, frame: RequestFrame, record: Record
) -> None:
    """Answer a call, in a span of its own."""
    method = frame.method if frame.method in _METHODS else "unknown"
    attributes = {"http.route": ROUTE, "network.protocol.name": "websocket", "tenantry.websocket.method": method}
    with state.tracer.span(f"{ROUTE} {method}", attributes, "server") as span:
        try:
            await _answer(state, connection, principal, frame, record)
        finally:
            tell_record(span, record)


async def _answer(
    state: GatewayState, connection: Connection, principal: Principal, frame: RequestFrame, record: Record
) -> None:
    """Answer a call, with an error if need be."""
    state.in_flight.begin()
    status = 499
    try:
        method = _method(state, connection, frame)
        payload = await method(state, connection, principal, frame, record)
        status = 200
        await connection.send(success(frame.id, payload))
    except asyncio.CancelledError:
        await _fail(state, connection, frame, record, RequestCancelled("the call was cancelled"))
        raise
    except ConnectionError:
        record.error_type = "client_gone"
    except Exception as error:  # noqa: BLE001 - each call gets its answer
        status = await _fail(state, connection, frame, record, error)
    finally:
        state.in_flight.end()
        report_message(state, record, ROUTE, status)


def _method(state: GatewayState, connection: Connection, frame: RequestFrame) -> Method:
    """What answers a call; raises GatewayError where nothing does, or not now."""
    method = _METHODS.get(frame.method)
    if method is None:
        raise NotFound(f"no method {frame.method[:64]}; known: {', '.join(_METHODS)}")
    if len(connection.calls) > MAX_CALLS:
        raise TooManyRequests(f"this connection has {MAX_CALLS} calls without an answer", retry_after=1.0)
    if state.draining:
        raise NotReady("the gateway is stopping: send it again on a new connection", retry_after=1.0)
    return method


async def _fail(
    state: GatewayState, connection: Connection, frame: RequestFrame, record: Record, error: Exception
) -> int:
    """Answer a call with its error; the status that is logged."""
    described = describe(record, error)
    state.denied(described, record.principal, ROUTE)
    with suppress(ConnectionError):
        await connection.send(failure(frame.id, described, record.request_id))
    return described.status


async def _chat(
    state: GatewayState, connection: Connection, principal: Principal, frame: RequestFrame, record: Record
) -> Mapping[str, object]:
    """A message: `delta` events with its text as it comes, and the answer."""
    params = dict(frame.params)
    key = params.pop("idempotencyKey", None)
    if key is not None and not isinstance(key, str):
        raise InvalidRequest("idempotencyKey: must be a string")
    asked = validate(params, ChatRequest)
    snapshot = state.current()
    record.channel = channel_label(snapshot.config, asked.channel)
    state.check_storage()
    accepted = state.conversation.accept(
        snapshot, principal, asked, record.request_id, check_key(key) if key is not None else None
    )
    record.agent_id = accepted.destination.agent_id

    async def on_text(text: str) -> None:
        await connection.event("delta", {"text": text}, frame.id)

    return (await state.conversation.answer(accepted, on_text)).as_json()


async def _cancel(
    _state: GatewayState, connection: Connection, _principal: Principal, frame: RequestFrame, _record: Record
) -> Mapping[str, object]:
    """End a call of this connection: `{"id": …}`. One with an idempotencyKey goes on without its client."""
    call = connection.calls.get(str(frame.params.get("id")))
    if call is None or frame.params.get("id") == frame.id:
        raise NotFound("no call of that id is without an answer")
    call.cancel()
    return {"cancelled": True}


async def _ping(
    _state: GatewayState, _connection: Connection, _principal: Principal, _frame: RequestFrame, _record: Record
) -> Mapping[str, object]:
    return {}


_METHODS: Final[Mapping[str, Method]] = {"chat": _chat, "cancel": _cancel, "ping": _ping}
