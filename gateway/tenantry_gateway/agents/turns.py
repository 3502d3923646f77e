"""One message's way: its place in the session's line, the window, the model, the commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tenantry_config.document import AgentConfig, Role
from tenantry_gateway.agents.calls import ModelCalls, error_type
from tenantry_gateway.audit.event import AuditEvent, Outcome
from tenantry_gateway.errors import NotReady, SessionChanged, TurnTimeout
from tenantry_gateway.identity.principal import lowest
from tenantry_gateway.providers.model import Credentials, ModelMessage, ModelRequest, OnText, Usage
from tenantry_gateway.sessions.line import Lines
from tenantry_gateway.sessions.store import EpochFenced, SequenceConflict, Store
from tenantry_gateway.sessions.transcript import SessionId, Turn
from tenantry_gateway.sessions.window import newest_turns

TURN_SECONDS: Final = 300.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, by a principal of which role, in which session, to which agent.

    `id` is the answer's, `request_id` the request's.
    """

    session: SessionId
    agent: AgentConfig
    role: Role
    text: str
    actor: str = ""
    id: str = ""
    request_id: str = ""

    def event(self, outcome: Outcome, reason: str | None = None) -> AuditEvent:
        """What the audit log says of it."""
        return AuditEvent(
            type="agent.message",
            outcome=outcome,
            actor=self.actor,
            role=self.role,
            target=self.session.agent_id,
            session=self.session.key,
            request_id=self.request_id,
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A committed turn. `role` is the one that the turn ran with; `waited` and `model_seconds` are where time went."""

    reply: str
    stop_reason: str
    usage: Usage
    role: Role
    waited: float
    model_seconds: float


class Turns:
    """Answers messages, one at a time in each session."""

    def __init__(
        self,
        store: Store,
        calls: ModelCalls,
        *,
        turn_seconds: float = TURN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        note: Callable[[AuditEvent], None] = lambda _event: None,
    ) -> None:
        """`note` takes events for the audit log that nobody waits for."""
        self.lines = Lines()
        self._note = note
        self._store = store
        self._calls = calls
        self._turn_seconds = turn_seconds
        self._clock = clock

    async def answer(self, message: Message, credentials: Credentials, on_text: OnText) -> Answer:
        """Wait for the session's turn, ask the agent and commit the turn; then it is acknowledged.

        A turn that fails, or whose caller goes away, is not committed. Raises GatewayError.
        """
        arrived = self._clock()
        try:
            async with self.lines.turn(message.session):
                waited = self._clock() - arrived
                async with asyncio.timeout(self._turn_seconds):
                    return await self._answer(message, credentials, on_text, waited)
        except TimeoutError as error:
            self._note(message.event("failure", TurnTimeout.type))
            raise TurnTimeout(f"the turn took longer than {self._turn_seconds:g} s") from error
        except BaseException as error:
            self._note(message.event("failure", error_type(error)))
            raise

    async def _answer(self, message: Message, credentials: Credentials, on_text: OnText, waited: float) -> Answer:
        epoch = self._store.epoch
        transcript = await self._store.load(message.session)
        window = newest_turns(transcript.turns)
        request = model_request(message.agent, window, message.text)
        call = await self._calls.reply(message.session.agent_id, request, credentials, on_text)
        turn = Turn(role=message.role, message=message.text, reply=call.reply.text, id=message.id, actor=message.actor)
        await self._commit(message, turn, expected=transcript.sequence, epoch=epoch)
        role = turn_role(message.role, window)
        return Answer(call.reply.text, call.reply.stop_reason, call.usage, role, waited, call.seconds)

    async def _commit(self, message: Message, turn: Turn, *, expected: int, epoch: int) -> None:
        events = (message.event("success"),)
        try:
            await _unbroken(self._store.commit(message.session, turn, expected=expected, epoch=epoch, events=events))
        except SequenceConflict as error:
            raise SessionChanged("the session was changed by another writer: send the message again") from error
        except EpochFenced as error:
            raise NotReady("another replica has taken over: send the message again", retry_after=1.0) from error


def turn_role(role: Role, window: Sequence[Turn]) -> Role:
    """The role that a turn runs with: the lowest among those whose messages the model sees.

    So text that somebody planted gains nothing when an operator speaks next. Source: DESIGN section 6.
    """
    return lowest(role, (turn.role for turn in window))


def model_request(agent: AgentConfig, window: Sequence[Turn], text: str) -> ModelRequest:
    """What the model is sent: the window's turns and the new message. Turns without a reply are left out, as the API
    takes no empty message."""
    messages: list[ModelMessage] = []
    for turn in window:
        if turn.reply.strip():
            messages += (ModelMessage("user", turn.message), ModelMessage("assistant", turn.reply))
    messages.append(ModelMessage("user", text))
    return ModelRequest(agent.model, agent.system, agent.max_tokens, tuple(messages))


async def _unbroken(work: Awaitable[T]) -> T:
    """The result of `work`, which a cancellation does not break off: the session is held until it is done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
