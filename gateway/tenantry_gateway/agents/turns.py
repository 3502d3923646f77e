"""One message's way: its place in the session's line, the window, the model, the commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tenantry_config.document import AgentConfig, Role
from tenantry_gateway.agents.tool_loop import Conversed, Setting, Toolbox, ToolLoop
from tenantry_gateway.agents.tools import BUILT_IN
from tenantry_gateway.audit.event import AuditEvent, Outcome
from tenantry_gateway.errors import NotReady, SessionChanged, TurnTimeout, error_type
from tenantry_gateway.identity.principal import lowest
from tenantry_gateway.providers.model import Credentials, ModelMessage, ModelRequest, OnText, Usage
from tenantry_gateway.sessions.line import Lines
from tenantry_gateway.sessions.steps import Step
from tenantry_gateway.sessions.store import EpochFenced, SequenceConflict, Store
from tenantry_gateway.sessions.transcript import SessionId, Turn
from tenantry_gateway.sessions.window import newest_turns

TURN_SECONDS: Final = 300.0
MESSAGE: Final = "agent.message"

Ready = Callable[[], Awaitable[None]]

T = TypeVar("T")


async def at_once() -> None:
    """Nothing is to be waited for."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, by a principal of which role, in which session, to which agent.

    `id` is the answer's, `request_id` the request's. `resumed`: an earlier process may have begun to answer it.
    """

    session: SessionId
    agent: AgentConfig
    role: Role
    text: str
    actor: str = ""
    id: str = ""
    request_id: str = ""
    resumed: bool = False

    def event(self, kind: str, outcome: Outcome, *, target: str = "", reason: str | None = None) -> AuditEvent:
        """What the audit log says of it."""
        return AuditEvent(
            type=kind,
            outcome=outcome,
            actor=self.actor,
            role=self.role,
            target=target or self.session.agent_id,
            session=self.session.key,
            request_id=self.request_id,
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A committed turn. `role` is the one that the turn ran with; seconds say where time went besides the gateway."""

    reply: str
    stop_reason: str
    usage: Usage
    role: Role
    waited: float = 0.0
    away_seconds: float = 0.0
    """In the model and in tools."""


class Turns:
    """Answers messages, one at a time in each session."""

    def __init__(
        self,
        store: Store,
        loop: ToolLoop,
        *,
        turn_seconds: float = TURN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        note: Callable[[AuditEvent], None] = lambda _event: None,
    ) -> None:
        """`note` takes events for the audit log that nobody waits for."""
        self.lines = Lines()
        self._note = note
        self._store = store
        self._loop = loop
        self._turn_seconds = turn_seconds
        self._clock = clock

    async def answer(
        self, message: Message, credentials: Credentials, on_text: OnText, ready: Ready = at_once
    ) -> Answer:
        """Wait for the session's turn, ask the agent and commit the turn; then it is acknowledged.

        Before the commit, `ready` is waited for. A turn that fails, or whose caller goes away, is not committed.
        Raises GatewayError.
        """
        arrived = self._clock()
        try:
            async with self.lines.turn(message.session):
                waited = self._clock() - arrived
                async with asyncio.timeout(self._turn_seconds):
                    return await self._answer(message, credentials, on_text, ready, waited)
        except TimeoutError as error:
            self._note(message.event(MESSAGE, "failure", reason=TurnTimeout.type))
            raise TurnTimeout(f"the turn took longer than {self._turn_seconds:g} s") from error
        except BaseException as error:
            self._note(message.event(MESSAGE, "failure", reason=error_type(error)))
            raise

    async def find(self, session: SessionId, turn_id: str) -> Answer | None:
        """The answer of a turn that is committed already."""
        turn = await self._store.find(session, turn_id)
        if turn is None:
            return None
        return Answer(turn.reply, turn.stop_reason, Usage(turn.input_tokens, turn.output_tokens), turn.role)

    async def _answer(
        self, message: Message, credentials: Credentials, on_text: OnText, ready: Ready, waited: float
    ) -> Answer:
        epoch = self._store.epoch
        transcript = await self._store.load(message.session)
        window = newest_turns(transcript.turns)
        role = turn_role(message.role, window)
        said = await self._converse(message, window, role, credentials, on_text)
        turn = Turn(
            role=message.role,
            message=message.text,
            reply=said.text,
            id=message.id,
            actor=message.actor,
            stop_reason=said.stop_reason,
            input_tokens=said.usage.input_tokens,
            output_tokens=said.usage.output_tokens,
        )
        await ready()
        await self._commit(message, turn, expected=transcript.sequence, epoch=epoch)
        away = said.model_seconds + said.tool_seconds
        return Answer(said.text, said.stop_reason, said.usage, role, waited, away)

    async def _converse(
        self, message: Message, window: Sequence[Turn], role: Role, credentials: Credentials, on_text: OnText
    ) -> Conversed:
        session, policy = message.session, message.agent.tools.policy

        async def journal(step: Step) -> None:
            await _unbroken(self._store.keep_step(session, message.id, message.actor, step))

        def observer(tool: str, *, allowed: bool, failed: bool) -> None:
            outcome: Outcome = "denied" if not allowed else "failure" if failed else "success"
            self._note(message.event("tool.call", outcome, target=tool[:64]))

        setting = Setting(
            agent_id=session.agent_id,
            credentials=credentials,
            on_text=on_text,
            toolbox=Toolbox([tool for tool in BUILT_IN if tool.allowed(policy, role)]),
            journal=journal,
            observer=observer,
            earlier=await self._store.steps(session, message.id) if message.resumed else (),
        )
        return await self._loop.converse(setting, model_request(message.agent, window, message.text))

    async def _commit(self, message: Message, turn: Turn, *, expected: int, epoch: int) -> None:
        events = (message.event(MESSAGE, "success"),)
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
