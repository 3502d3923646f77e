"""`POST /v1/chat`: a message to an agent, answered at once or as server-sent events."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tenantry_config.document import Config
from tenantry_gateway.agents.turns import Answer, Message
from tenantry_gateway.errors import NotReady
from tenantry_gateway.identity.principal import Principal
from tenantry_gateway.middleware.errors import describe
from tenantry_gateway.middleware.record import RECORD
from tenantry_gateway.providers.model import Credentials, OnText
from tenantry_gateway.routes.body import parse_body, read_body
from tenantry_gateway.routes.caller import caller
from tenantry_gateway.routes.event_stream import EventStream
from tenantry_gateway.routing.destination import OWN_CHANNEL, Address, Destination, find_destination
from tenantry_gateway.snapshot import Snapshot
from tenantry_gateway.state import STATE

MAX_BODY: Final = 1024 * 1024
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HALF: Final = re.compile(r"[\ud800-\udfff]")


def _identifier(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return value


def _text(value: str) -> str:
    if _HALF.search(value):
        raise ValueError("must be text: it holds half of a surrogate pair")
    if not value.strip():
        raise ValueError("must not be blank")
    if "\0" in value:
        raise ValueError("must not hold NUL")
    return value


Identifier = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_identifier)]


class ChatRequest(BaseModel):
    """The body."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    text: Annotated[str, AfterValidator(_text)]
    channel: Identifier | None = None
    channel_id: Identifier | None = None
    sender_id: Identifier | None = None
    agent_id: Identifier | None = None
    stream: bool = False

    @property
    def address(self) -> Address:
        """Where it comes from and goes to."""
        return Address(self.channel, self.channel_id, self.sender_id, self.agent_id)


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A message that will be answered."""

    id: str
    destination: Destination
    message: Message
    credentials: Credentials


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer a message; the body of the answer is that of a `done` event too."""
    snapshot = request.app[STATE].current()
    principal = caller(request)
    body = parse_body(await read_body(request, MAX_BODY), ChatRequest)
    record = request[RECORD]
    record.channel = channel_label(snapshot.config, body.channel)
    accepted = _accept(snapshot, principal, body, record.request_id)
    record.agent_id = accepted.destination.agent_id
    if body.stream or "text/event-stream" in request.headers.get("Accept", ""):
        return await _stream(request, accepted)
    answer = await _answer(request, accepted, _ignore)
    return web.json_response(_result(accepted, answer))


def channel_label(config: Config, channel: str | None) -> str:
    """The channel as a metric's label: one that the configuration names, else `other`."""
    if channel in {None, OWN_CHANNEL}:
        return OWN_CHANNEL
    return next((binding.channel for binding in config.bindings if binding.channel == channel), "other")


def _accept(snapshot: Snapshot, principal: Principal, body: ChatRequest, request_id: str) -> _Accepted:
    destination = find_destination(snapshot.config, principal, body.address)
    if snapshot.api_key is None:
        raise NotReady("ANTHROPIC_API_KEY is missing or empty: the gateway cannot call Claude", retry_after=5.0)
    answer_id = f"chat_{uuid.uuid4().hex}"
    message = Message(
        destination.session, destination.agent, principal.role, body.text, principal.id, answer_id, request_id
    )
    return _Accepted(answer_id, destination, message, Credentials(snapshot.api_key, snapshot.base_url))


async def _answer(request: web.Request, accepted: _Accepted, on_text: OnText) -> Answer:
    state = request.app[STATE]
    answer = await state.turns.answer(accepted.message, accepted.credentials, on_text)
    total = time.monotonic() - request[RECORD].started
    state.metrics.turn(waited=answer.waited, overhead=total - answer.waited - answer.away_seconds)
    return answer


async def _stream(request: web.Request, accepted: _Accepted) -> web.StreamResponse:
    """Send the reply as it comes. An error before the first event has its own status, a later one is an event."""
    stream = EventStream(request)
    async with stream.heartbeat():
        try:
            answer = await _answer(request, accepted, stream.text)
            await stream.send("done", _result(accepted, answer))
        except ConnectionError:
            raise
        except Exception as error:
            if not stream.started:
                raise
            await stream.send("error", describe(request[RECORD], error).body(request[RECORD].request_id))
    return await stream.finish()


def _result(accepted: _Accepted, answer: Answer) -> dict[str, object]:
    destination = accepted.destination
    return {
        "id": accepted.id,
        "agentId": destination.agent_id,
        "sessionKey": destination.session.key,
        "binding": destination.binding,
        "reply": answer.reply,
        "stopReason": answer.stop_reason,
        "usage": {"input_tokens": answer.usage.input_tokens, "output_tokens": answer.usage.output_tokens},
    }


async def _ignore(_text: str) -> None:
    """Take a piece of a reply that is sent as a whole."""
