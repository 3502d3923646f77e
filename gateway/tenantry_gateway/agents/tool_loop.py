"""A turn's conversation with the model: it calls tools until it answers in words, a bounded number of times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from tenantry_gateway.agents.calls import Call, ModelCalls
from tenantry_gateway.agents.tools import Tool, ToolFailed
from tenantry_gateway.errors import error_type
from tenantry_gateway.metrics import Metrics
from tenantry_gateway.providers.model import Credentials, ModelReply, ModelRequest, OnText, ToolCall, Usage
from tenantry_gateway.sessions.steps import CallEnded, CallsBegun, Step, begun_of, exchange
from tenantry_gateway.spans import agent_span, tell_reason, tell_usage, tool_span
from tenantry_gateway.tracing import OFF, Tracer

MAX_ROUNDS: Final = 16
"""How many times a turn's model may ask for tools; after that it must answer with what it has."""
_MAX_RESULT: Final = 64 * 1024
_BETWEEN: Final = "\n\n"
"""Between the words before a call and those after it."""

Journal = Callable[[Step], Awaitable[None]]
"""Keeps a step for good; raises StorageFailed."""


class Observer(Protocol):
    """Is told of each tool call for the audit log."""

    def __call__(self, tool: str, *, allowed: bool, failed: bool) -> None:
        """A call has ended, or was refused."""
        ...


@dataclass(slots=True)
class Conversed:
    """What the model said in a turn, and where the time went (seconds)."""

    text: str = ""
    stop_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    model_seconds: float = 0.0
    tool_seconds: float = 0.0
    rounds: int = 0
    """Answers of the model that asked for tools."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of a turn: what agent or role do not allow is neither offered nor run if the model calls it."""

    allowed: Sequence[Tool]

    def find(self, name: str) -> Tool | None:
        """The allowed tool of that name."""
        return next((tool for tool in self.allowed if tool.definition.name == name), None)


@dataclass(frozen=True, slots=True)
class Setting:
    """Around a conversation. `earlier` are the steps of a process that ended in mid-turn: they are not repeated."""

    agent_id: str
    credentials: Credentials
    on_text: OnText
    toolbox: Toolbox
    journal: Journal
    observer: Observer
    earlier: Sequence[Step] = ()


class ToolLoop:
    """Asks the model, runs what it calls, and asks again."""

    def __init__(
        self, calls: ModelCalls, metrics: Metrics, clock: Callable[[], float] = time.monotonic, tracer: Tracer = OFF
    ) -> None:
        self._calls = calls
        self._metrics = metrics
        self._clock = clock
        self._tracer = tracer

    async def converse(self, setting: Setting, request: ModelRequest) -> Conversed:
        """The turn's whole answer; raises what the model raises, and StorageFailed."""
        started = self._clock()
        outcome = ""
        try:
            with agent_span(self._tracer, setting.agent_id, request.model) as span:
                said = await self._converse(setting, request)
                tell_usage(span, said.usage)
                tell_reason(span, said.stop_reason)
                return said
        except BaseException as error:
            outcome = error_type(error)
            raise
        finally:
            self._metrics.invocation(setting.agent_id, self._clock() - started, error_type=outcome)

    async def _converse(self, setting: Setting, request: ModelRequest) -> Conversed:
        said = Conversed()
        request = replace(request, tools=tuple(tool.definition for tool in setting.toolbox.allowed))
        for begun, ended in begun_of(setting.earlier):
            await _continued(said, setting.on_text)(begun.text)
            _add(said, begun.text, Usage(begun.input_tokens, begun.output_tokens))
            said.rounds += 1
            request = replace(request, messages=(*request.messages, *exchange(begun, ended)))
        while True:
            if said.rounds >= MAX_ROUNDS:
                request = replace(request, may_call=False)
            on_text = _continued(said, setting.on_text)
            call = await self._calls.reply(setting.agent_id, request, setting.credentials, on_text)
            _add(said, call.reply.text, call.usage)
            said.model_seconds += call.seconds
            if not call.reply.calls or not request.may_call:
                said.stop_reason = call.reply.stop_reason
                return said
            said.rounds += 1
            request = await self._run(setting, request, call, said)

    async def _run(self, setting: Setting, request: ModelRequest, call: Call, said: Conversed) -> ModelRequest:
        """Run the calls one after the other; what the model is to be asked next."""
        begun = _begun(call.reply, call.usage)
        await setting.journal(begun)
        ended: dict[str, CallEnded] = {}
        for wanted in call.reply.calls:
            started = self._clock()
            tool = setting.toolbox.find(wanted.name)
            with tool_span(self._tracer, setting.agent_id, wanted.name if tool else "unknown") as span:
                ended[wanted.id] = await _result(wanted, tool)
                if ended[wanted.id].is_error:
                    span.fail("tool_error")
            setting.observer(wanted.name, allowed=tool is not None, failed=ended[wanted.id].is_error)
            await setting.journal(ended[wanted.id])
            seconds = self._clock() - started
            said.tool_seconds += seconds
            self._metrics.tool_call(setting.agent_id, wanted.name if tool else "unknown", seconds)
        return replace(request, messages=(*request.messages, *exchange(begun, ended)))


def _begun(reply: ModelReply, usage: Usage) -> CallsBegun:
    return CallsBegun(reply.blocks, reply.text, usage.input_tokens, usage.output_tokens)


async def _result(wanted: ToolCall, tool: Tool | None) -> CallEnded:
    if tool is None:
        return CallEnded(wanted.id, f"There is no tool {wanted.name[:64]} for this agent.", is_error=True)
    try:
        content = await asyncio.to_thread(tool.run, wanted.input)
    except ToolFailed as error:
        return CallEnded(wanted.id, str(error), is_error=True)
    return CallEnded(wanted.id, content[:_MAX_RESULT], is_error=False)


def _continued(said: Conversed, on_text: OnText) -> OnText:
    """`on_text`, with the space between what was said before and what comes."""
    pending = _BETWEEN if said.text else ""

    async def take(text: str) -> None:
        nonlocal pending
        if text:
            text, pending = pending + text, ""
            await on_text(text)

    return take


def _add(said: Conversed, text: str, usage: Usage) -> None:
    said.usage.add(usage)
    if text:
        said.text += (_BETWEEN if said.text else "") + text
