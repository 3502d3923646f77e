"""Accepts messages, answers them, and answers a repeated key with what was answered before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tenantry_gateway.agents.turns import Answer, Message, Turns
from tenantry_gateway.conversation.request import ChatRequest
from tenantry_gateway.errors import NotReady
from tenantry_gateway.idempotency.keys import Attempt, Claim, Keys
from tenantry_gateway.identity.principal import Principal
from tenantry_gateway.ids import new_ids
from tenantry_gateway.in_flight import InFlight
from tenantry_gateway.metrics import Metrics
from tenantry_gateway.providers.model import Credentials, OnText
from tenantry_gateway.routing.destination import Destination, find_destination
from tenantry_gateway.sessions.transcript import SessionId
from tenantry_gateway.snapshot import Snapshot

_IDS: Final = new_ids("chat")
ROUTE: Final = "chat"
"""Of all messages in keys' terms: one that was sent over HTTP may be sent again over a WebSocket."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that will be answered. `key`: the request's Idempotency-Key, of this principal."""

    destination: Destination
    message: Message
    credentials: Credentials
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer as clients get it; `seconds` are those that the gateway itself did not take."""

    id: str
    place: Mapping[str, Any]
    answer: Answer

    def as_json(self) -> dict[str, object]:
        """The body of the answer, and of a `done` event."""
        return {
            "id": self.id,
            "agentId": self.place["agentId"],
            "sessionKey": self.place["sessionKey"],
            "binding": self.place["binding"],
            "reply": self.answer.reply,
            "stopReason": self.answer.stop_reason,
            "usage": {
                "input_tokens": self.answer.usage.input_tokens,
                "output_tokens": self.answer.usage.output_tokens,
            },
        }


class Conversation:
    """What routes call."""

    def __init__(
        self,
        turns: Turns,
        keys: Keys[Reply],
        metrics: Metrics,
        in_flight: InFlight,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turns = turns
        self._keys = keys
        self._metrics = metrics
        self._in_flight = in_flight
        self._clock = clock

    def accept(
        self, snapshot: Snapshot, principal: Principal, asked: ChatRequest, request_id: str, key: str | None = None
    ) -> Accepted:
        """Decide where a message goes; raises GatewayError where it goes nowhere."""
        destination = find_destination(snapshot.config, principal, asked.address)
        if snapshot.api_key is None:
            raise NotReady("ANTHROPIC_API_KEY is missing or empty: the gateway cannot call Claude", retry_after=5.0)
        message = Message(
            destination.session,
            destination.agent,
            principal.role,
            asked.text,
            principal.id,
            next(_IDS),
            request_id,
        )
        attempt = Attempt.of(principal.id, ROUTE, key, asked.asked()) if key is not None else None
        return Accepted(destination, message, Credentials(snapshot.api_key, snapshot.base_url), attempt)

    async def answer(self, accepted: Accepted, on_text: OnText) -> Reply:
        """The answer, once it cannot be lost; raises GatewayError. A request with a key goes on without its client."""
        started = self._clock()
        if accepted.attempt is None:
            place = _place(accepted.destination)
            answer = await self._turns.answer(accepted.message, accepted.credentials, on_text)
            self._count(answer, started)
            return Reply(accepted.message.id, place, answer)
        listener = _Listener(on_text)

        async def work(claim: Claim[Reply]) -> Reply:
            return await self._keyed(accepted, claim, listener, started)

        try:
            reply, _ = await self._keys.answer(
                accepted.attempt, accepted.message.id, _place(accepted.destination), work
            )
        except BaseException:
            listener.leave()
            raise
        if not listener.heard:
            await on_text(reply.answer.reply)
        return reply

    async def _keyed(self, accepted: Accepted, claim: Claim[Reply], listener: _Listener, started: float) -> Reply:
        """The claim's answer, from its session if it is there; else a turn under the claim's id."""
        self._in_flight.begin()
        try:
            session = _session(claim.place)
            known = None if claim.fresh else await self._turns.find(session, claim.id)
            if known is not None:
                return Reply(claim.id, claim.place, known)
            message = replace(accepted.message, id=claim.id, session=session, resumed=not claim.fresh)
            answer = await self._turns.answer(message, accepted.credentials, listener.take, claim.kept)
            self._count(answer, started)
            return Reply(claim.id, claim.place, answer)
        finally:
            self._in_flight.end()

    def _count(self, answer: Answer, started: float) -> None:
        total = self._clock() - started
        self._metrics.turn(waited=answer.waited, overhead=total - answer.waited - answer.away_seconds)


class _Listener:
    """Passes text on until its client leaves: the turn goes on without it."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text: OnText | None = on_text
        self.heard = False

    async def take(self, text: str) -> None:
        if self._on_text is None:
            return
        self.heard = True
        try:
            await self._on_text(text)
        except ConnectionError:
            self.leave()

    def leave(self) -> None:
        self._on_text = None


def _place(destination: Destination) -> dict[str, Any]:
    """What must be known to find the turn again and to answer with it."""
    session = destination.session
    return {
        "agentId": destination.agent_id,
        "sessionKey": session.key,
        "binding": destination.binding,
        "namespace": session.namespace,
        "provenance": session.provenance,
        "folder": list(session.folder),
        "persistent": session.persistent,
    }


def _session(place: Mapping[str, Any]) -> SessionId:
    return SessionId(
        place["agentId"],
        place["namespace"],
        place["provenance"],
        place["sessionKey"],
        tuple(place["folder"]),
        place["persistent"],
    )
