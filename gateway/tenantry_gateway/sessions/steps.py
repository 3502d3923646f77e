"""A turn's tool calls, kept while the turn goes on: before they run, and what each answered.

A process that ended in between leaves calls without an answer. Such a call may have run: it is never run again, and
the model is told that its outcome is unknown. Source: DESIGN section 6. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenantry_gateway.providers.model import ModelMessage

UNKNOWN: Final = "The outcome of this call is unknown: the gateway ended while it ran. It was not run again."
_CALLS: Final = "tool_use"
_HALF: Final = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class CallsBegun:
    """The model's answer that asks for calls, as content blocks, with its text and the tokens so far."""

    blocks: tuple[Mapping[str, Any], ...]
    text: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """What one call answered."""

    id: str
    content: str
    is_error: bool


Step = CallsBegun | CallEnded


def result_block(ended: CallEnded) -> dict[str, Any]:
    """A result as the Messages API takes it."""
    return {
        "type": "tool_result",
        "tool_use_id": ended.id,
        "content": [{"type": "text", "text": ended.content}],
        "is_error": ended.is_error,
    }


def exchange(begun: CallsBegun, ended: Mapping[str, CallEnded]) -> tuple[ModelMessage, ModelMessage]:
    """The model's calls and their results as two messages; a call without a result has an unknown outcome."""
    ids = [str(block["id"]) for block in begun.blocks if block["type"] == _CALLS]
    results = [ended.get(call, CallEnded(call, UNKNOWN, is_error=True)) for call in ids]
    return (
        ModelMessage("assistant", begun.text, begun.blocks),
        ModelMessage("user", "", tuple(result_block(result) for result in results)),
    )


def step_fields(step: Step) -> dict[str, Any]:
    """A step as its session's file has it."""
    if isinstance(step, CallEnded):
        return {"result": step.id, "content": step.content, "isError": step.is_error}
    return {
        "calls": list(step.blocks),
        "text": step.text,
        "usage": {"input_tokens": step.input_tokens, "output_tokens": step.output_tokens},
    }


def read_step(fields: Mapping[str, Any]) -> Step:
    """The step of a line's fields; raises KeyError, TypeError or ValueError for fields that are none."""
    if "result" in fields:
        return CallEnded(whole_text(fields["result"]), whole_text(fields["content"]), bool(fields["isError"]))
    usage, calls = fields["usage"], fields["calls"]
    if not isinstance(calls, list):
        raise TypeError
    blocks = tuple(_block(call) for call in calls)
    return CallsBegun(blocks, whole_text(fields["text"]), count(usage["input_tokens"]), count(usage["output_tokens"]))


def _block(fields: Any) -> Mapping[str, Any]:
    """A content block, if the API could be sent it again."""
    kind = whole_text(fields["type"])
    if kind == _CALLS:
        whole_text(fields["id"])
    json.dumps(fields, ensure_ascii=False).encode()
    block: Mapping[str, Any] = fields
    return block


def whole_text(value: object) -> str:
    """`value`, if it is text that UTF-8 can hold; raises TypeError or ValueError. JSON can escape half a character."""
    if not isinstance(value, str):
        raise TypeError
    if _HALF.search(value):
        raise ValueError
    return value


def count(value: object) -> int:
    """`value`, if it is a number of tokens; raises TypeError."""
    if type(value) is not int:
        raise TypeError
    return value


def begun_of(steps: Iterable[Step]) -> list[tuple[CallsBegun, dict[str, CallEnded]]]:
    """Each answer that asked for calls, with the results that are known, by the call's id."""
    found: list[tuple[CallsBegun, dict[str, CallEnded]]] = []
    for step in steps:
        if isinstance(step, CallsBegun):
            found.append((step, {}))
        elif found:
            found[-1][1][step.id] = step
    return found
