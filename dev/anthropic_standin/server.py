"""The HTTP server: the API's routes, and `/_standin` for tests.

GET ``/_standin/requests`` returns what arrived at the API, as ``{"requests": [{method, path, headers, body,
request_id}]}`` with headers in lower case and without credentials; POST ``/_standin/reset`` forgets it;
GET ``/_standin/health`` is for probes.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from dev.anthropic_standin.answer import last_human_text, make_answer
from dev.anthropic_standin.catalogue import MODELS
from dev.anthropic_standin.controls import Controls, parse_controls
from dev.anthropic_standin.conversation import check
from dev.anthropic_standin.errors import ApiError, error_body, invalid
from dev.anthropic_standin.events import encode, error_event, first_half, stream_events
from dev.anthropic_standin.requests import Body, CountTokensRequest, MessagesRequest, decode, parse
from dev.anthropic_standin.state import State, new_id
from dev.anthropic_standin.usage import content_tokens, input_tokens
from dev.anthropic_standin.versions import check_allowed, check_version

MAX_BODY_BYTES = 32 * 1024 * 1024
KEY_PREFIX = "sk-ant-"
STATE = web.AppKey("state", State)
REQUEST_ID = web.RequestKey("request_id", str)
_BETA = re.compile(r"[a-z0-9-]+-\d{4}-\d{2}-\d{2}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(state: State | None = None) -> web.Application:
    """Return the stand-in as an aiohttp application; `state` lets a test bring its own clock and sleep."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_answer_errors])
    app[STATE] = State() if state is None else state
    app.router.add_post("/v1/messages", _messages)
    app.router.add_post("/v1/messages/count_tokens", _count_tokens)
    app.router.add_get("/v1/models", _models)
    app.router.add_get("/v1/models/{model}", _model)
    app.router.add_get("/_standin/requests", _requests)
    app.router.add_post("/_standin/reset", _reset)
    app.router.add_get("/_standin/health", _health)
    return app


@contextlib.asynccontextmanager
async def running_standin(state: State | None = None) -> AsyncIterator[str]:
    """Serve on a free port of the loopback interface while the context lasts; yields the base URL."""
    runner = web.AppRunner(create_app(state), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every answer a request id, and every error the API's shape."""
    request[REQUEST_ID] = new_id("req_01")
    try:
        response = await handler(request)
    except ApiError as error:
        response = _error_response(error, request[REQUEST_ID])
    except web.HTTPException as error:
        response = _error_response(ApiError(error.status), request[REQUEST_ID])
    if not response.prepared:
        response.headers["request-id"] = request[REQUEST_ID]
    return response


def _error_response(error: ApiError, request_id: str) -> web.Response:
    response = web.json_response(error_body(error, request_id), status=error.status)
    if error.retry_after is not None:
        response.headers["retry-after"] = error.retry_after
    return response


@dataclass(frozen=True, slots=True)
class _Admitted:
    """A request whose headers are in order; `scope` tells callers apart without holding the credential."""

    scope: str
    version: str
    body: bytes


async def _admit(request: web.Request) -> _Admitted:
    """Check the headers, in the API's order; raises ApiError."""
    body = await request.read()
    request.app[STATE].record(request.method, request.path, request.headers, body, request[REQUEST_ID])
    key = _credential(request)
    version = check_version(request.headers.get("anthropic-version"))
    for beta in filter(None, (part.strip() for part in request.headers.get("anthropic-beta", "").split(","))):
        if not _BETA.fullmatch(beta):
            raise invalid(f"Unexpected value(s) `{beta}` for the `anthropic-beta` header.")
    return _Admitted(hashlib.sha256(key.encode()).hexdigest(), version, body)


def _accept(admitted: _Admitted, shape: type[Body]) -> Body:
    """Read the body and check everything about it; raises ApiError."""
    asked = parse(shape, decode(admitted.body))
    check_allowed(asked, admitted.version)
    check(asked)
    return asked


def _credential(request: web.Request) -> str:
    key = request.headers.get("x-api-key")
    if key is not None:
        if not key.startswith(KEY_PREFIX):
            raise ApiError(401, "invalid x-api-key")
        return key
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise ApiError(401, "x-api-key header is required")
    if not token.startswith(KEY_PREFIX):
        raise ApiError(401, "Invalid bearer token")
    return token


async def _messages(request: web.Request) -> web.StreamResponse:
    state = request.app[STATE]
    admitted = await _admit(request)
    asked = _accept(admitted, MessagesRequest)
    text = last_human_text(asked.messages)
    controls = parse_controls(text)
    await state.sleep(controls.delay)
    if controls.failure is not None and state.is_due(controls.failure, text):
        raise ApiError(controls.failure.status, retry_after=controls.failure.retry_after)
    answer = make_answer(asked, controls, new_id)
    usage = state.cache.charge(f"{admitted.scope}/{asked.model}", asked)
    message = {
        "id": new_id("msg_01"),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": answer.content,
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "usage": usage.as_json(content_tokens(answer.content)),
    }
    if asked.stream:
        return await _stream(request, message, controls)
    if controls.fails_mid_stream:
        raise ApiError(529)
    if controls.disconnects:
        _drop(request)
    return web.json_response(message)


async def _stream(request: web.Request, message: dict[str, Any], controls: Controls) -> web.StreamResponse:
    events = stream_events(message)
    if controls.fails_mid_stream:
        events = [*first_half(events), error_event(ApiError(529))]
    elif controls.disconnects:
        events = first_half(events)
    response = web.StreamResponse(
        headers={
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "request-id": request[REQUEST_ID],
        }
    )
    with contextlib.suppress(ConnectionResetError):  # the client may leave at any time
        await response.prepare(request)
        for event in events:
            if event["type"] == "content_block_delta":
                await request.app[STATE].sleep(controls.chunk_delay)
            await response.write(encode(event))
        if controls.disconnects:
            _drop(request)
        else:
            await response.write_eof()
    return response


def _drop(request: web.Request) -> None:
    """Close the connection without finishing the answer; what is written afterwards goes nowhere."""
    if request.transport is not None:
        request.transport.abort()


async def _count_tokens(request: web.Request) -> web.Response:
    asked = _accept(await _admit(request), CountTokensRequest)
    return web.json_response({"input_tokens": input_tokens(asked)})


async def _models(request: web.Request) -> web.Response:
    await _admit(request)
    limit = request.query.get("limit", "20")
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise invalid("limit: Input should be between 1 and 1000")
    listed = list(MODELS)
    after = request.query.get("after_id")
    if after is not None:
        if after not in MODELS:
            raise invalid(f"after_id: {after} not found")
        listed = listed[listed.index(after) + 1 :]
    page = listed[: int(limit)]
    return web.json_response(
        {
            "data": [MODELS[name].as_json() for name in page],
            "has_more": len(page) < len(listed),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
    )


async def _model(request: web.Request) -> web.Response:
    await _admit(request)
    name = request.match_info["model"]
    if name not in MODELS:
        raise ApiError(404, f"model: {name}")
    return web.json_response(MODELS[name].as_json())


async def _requests(request: web.Request) -> web.Response:
    return web.json_response({"requests": list(request.app[STATE].requests)})


async def _reset(request: web.Request) -> web.Response:
    request.app[STATE].reset()
    return web.json_response({})


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
