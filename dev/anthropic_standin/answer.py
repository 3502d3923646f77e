"""What the stand-in answers to a request that it accepts: content blocks and the reason to stop. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dev.anthropic_standin.content import TextBlock, ToolResultBlock, ToolUseBlock
from dev.anthropic_standin.controls import Call, Controls
from dev.anthropic_standin.conversation import blocks
from dev.anthropic_standin.requests import (
    Message,
    MessagesRequest,
    ThinkingEnabled,
    ToolChoiceAny,
    ToolChoiceNone,
    ToolChoiceTool,
)
from dev.anthropic_standin.usage import BYTES_PER_TOKEN, text_tokens

NO_SYSTEM = "(no system)"


@dataclass(frozen=True, slots=True)
class Answer:
    """The content blocks as JSON, and why the model stopped."""

    content: list[dict[str, Any]]
    stop_reason: str
    stop_sequence: str | None = None


def is_human(message: Message) -> bool:
    """Tell a user's turn from a message that only returns tool results."""
    return message.role == "user" and not all(isinstance(block, ToolResultBlock) for block in blocks(message))


def text_of(message: Message) -> str:
    """Return a message's text; its text blocks are joined by newlines."""
    return "\n".join(block.text for block in blocks(message) if isinstance(block, TextBlock))


def last_human_text(messages: Sequence[Message]) -> str:
    """Return the text of the last turn that a user wrote; controls are read from it."""
    return next((text_of(message) for message in reversed(messages) if is_human(message)), "")


def make_answer(request: MessagesRequest, controls: Controls, new_id: Callable[[str], str]) -> Answer:
    """Return the answer to an accepted request; `new_id(prefix)` makes the ids of tool calls."""
    thinking: list[dict[str, Any]] = []
    if isinstance(request.thinking, ThinkingEnabled):
        thinking = [{"type": "thinking", "thinking": "I repeat what I was told.", "signature": "c3RhbmQtaW4="}]
    calls = _calls(request, controls)
    if calls:
        lead = [{"type": "text", "text": f"I call {', '.join(call.name for call in calls)}."}]
        uses = [
            {"type": "tool_use", "id": new_id("toolu_01"), "name": call.name, "input": call.input} for call in calls
        ]
        return Answer(thinking + lead + uses, "tool_use")
    text, reason, sequence = _cut(reply_text(request), request, controls)
    return Answer([*thinking, {"type": "text", "text": text}], reason, sequence)


def reply_text(request: MessagesRequest) -> str:
    """Return ``[<model>] <system's first line> | turn <n> | <what was said last>``."""
    turns = sum(is_human(message) for message in request.messages)
    last = next(message for message in reversed(request.messages) if message.role == "user")
    said = text_of(last) if is_human(last) else _results(request.messages)
    return f"[{request.model}] {_first_line(request)} | turn {turns} | {said or '(no text)'}"


def _first_line(request: MessagesRequest) -> str:
    system = request.system or ""
    text = system if isinstance(system, str) else "\n".join(block.text for block in system)
    return next((line.strip() for line in text.splitlines() if line.strip()), NO_SYSTEM)


def _results(messages: Sequence[Message]) -> str:
    """Return what the tools answered: ``<tool> returned <text>``, or ``failed with`` for an error."""
    names = {
        block.id: block.name for message in messages for block in blocks(message) if isinstance(block, ToolUseBlock)
    }
    last = next(message for message in reversed(messages) if message.role == "user")
    return "; ".join(
        f"{names[block.tool_use_id]} {'failed with' if block.is_error else 'returned'} {_result_text(block)}"
        for block in blocks(last)
        if isinstance(block, ToolResultBlock)
    )


def _result_text(block: ToolResultBlock) -> str:
    if isinstance(block.content, str):
        return block.content or "nothing"
    return "\n".join(part.text if isinstance(part, TextBlock) else f"({part.type})" for part in block.content)


def _calls(request: MessagesRequest, controls: Controls) -> list[Call]:
    """Return the tools to call: only those that the request offers and its tool_choice allows."""
    offered = {tool.name for tool in request.tools or ()}
    choice = request.tool_choice
    if not offered or isinstance(choice, ToolChoiceNone):
        return []
    wanted = list(controls.calls) if is_human(request.messages[-1]) else []
    if controls.loop is not None:
        wanted.append(controls.loop)
    calls = [call for call in wanted if call.name in offered]
    if isinstance(choice, ToolChoiceTool):
        calls = [call for call in calls if call.name == choice.name] or [Call(choice.name)]
    elif isinstance(choice, ToolChoiceAny) and not calls:
        calls = [Call((request.tools or [])[0].name)]
    return calls[:1] if choice is not None and choice.disable_parallel_tool_use else calls


def _cut(text: str, request: MessagesRequest, controls: Controls) -> tuple[str, str, str | None]:
    """Apply stop sequences, max_tokens and ``!max-tokens``; returns text, stop reason and stop sequence."""
    hits = [(text.find(sequence), sequence) for sequence in request.stop_sequences or () if sequence in text]
    reason, stop = "end_turn", None
    if hits:
        position, stop = min(hits)
        text, reason = text[:position], "stop_sequence"
    limit = request.max_tokens
    if controls.cut_short:
        limit = min(limit, max(1, text_tokens(text) // 2))
    if text_tokens(text) > limit:
        text = text.encode()[: limit * BYTES_PER_TOKEN].decode(errors="ignore")
        reason, stop = "max_tokens", None
    return text, reason, stop
