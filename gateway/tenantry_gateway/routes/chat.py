"""`POST /v1/chat`: a message to an agent, answered at once or as server-sent events."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from tenantry_config.document import Config
from tenantry_gateway.conversation.request import ChatRequest
from tenantry_gateway.conversation.service import Accepted
from tenantry_gateway.errors import InvalidRequest
from tenantry_gateway.idempotency.keys import HEADER, check_key
from tenantry_gateway.middleware.errors import describe
from tenantry_gateway.middleware.record import RECORD
from tenantry_gateway.routes.body import parse_body, read_body
from tenantry_gateway.routes.caller import caller
from tenantry_gateway.routes.event_stream import EventStream
from tenantry_gateway.routing.destination import OWN_CHANNEL
from tenantry_gateway.state import STATE

MAX_BODY: Final = 1024 * 1024


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer a message; the body of the answer is that of a `done` event too."""
    state = request.app[STATE]
    snapshot = state.current()
    principal = caller(request)
    key = _key(request)
    body = parse_body(await read_body(request, MAX_BODY), ChatRequest)
    record = request[RECORD]
    record.channel = channel_label(snapshot.config, body.channel)
    state.check_storage()
    accepted = state.conversation.accept(snapshot, principal, body, record.request_id, key)
    record.agent_id = accepted.destination.agent_id
    if body.stream or "text/event-stream" in request.headers.get("Accept", ""):
        return await _stream(request, accepted)
    reply = await state.conversation.answer(accepted, _ignore)
    return web.json_response(reply.as_json())


def channel_label(config: Config, channel: str | None) -> str:
    """The channel as a metric's label: one that the configuration names, else `other`."""
    if channel in {None, OWN_CHANNEL}:
        return OWN_CHANNEL
    return next((binding.channel for binding in config.bindings if binding.channel == channel), "other")


def _key(request: web.Request) -> str | None:
    values = request.headers.getall(HEADER, [])
    if len(values) > 1:
        raise InvalidRequest(f"{HEADER} must be sent once")
    return check_key(values[0]) if values else None


async def _stream(request: web.Request, accepted: Accepted) -> web.StreamResponse:
    """Send the reply as it comes. An error before the first event has its own status, a later one is an event."""
    stream = EventStream(request)
    async with stream.heartbeat():
        try:
            reply = await request.app[STATE].conversation.answer(accepted, stream.text)
            await stream.send("done", reply.as_json())
        except ConnectionError:
            raise
        except Exception as error:
            if not stream.started:
                raise
            await stream.send("error", describe(request[RECORD], error).body(request[RECORD].request_id))
    return await stream.finish()


async def _ignore(_text: str) -> None:
    """Take a piece of a reply that is sent as a whole."""
