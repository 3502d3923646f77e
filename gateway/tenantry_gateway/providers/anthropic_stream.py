"""What the events of a streamed answer add up to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tenantry_gateway.errors import UpstreamError
from tenantry_gateway.providers.model import ModelReply, ToolCall, Usage

if TYPE_CHECKING:
    from anthropic.types import RawMessageStreamEvent

_CHARACTERS_PER_TOKEN: Final = 4
_CALLS_TOOLS: Final = "tool_use"


class StreamedAnswer:
    """Takes events in their order; `usage` is right at any time."""

    def __init__(self, usage: Usage) -> None:
        self.stop_reason: str | None = None
        self._usage = usage
        self._characters = 0
        self._blocks: list[dict[str, Any]] = []
        self._arguments: list[str] = []
        """Pieces of JSON of the tool call that is arriving."""

    def take(self, event: RawMessageStreamEvent) -> str:
        """Count `event`; its text, or nothing."""
        if event.type == "message_start":
            self._count(event.message.usage)
        elif event.type == "message_delta":
            self._count(event.usage)
            self.stop_reason = event.delta.stop_reason or "end_turn"
        elif event.type == "content_block_start":
            return self._begin(event.content_block)
        elif event.type == "content_block_delta":
            return self._go_on(event.delta)
        elif event.type == "content_block_stop":
            self._end()
        return ""

    def reply(self) -> ModelReply:
        """The whole answer; raises UpstreamError where a tool's arguments are no JSON object."""
        text = "".join(block["text"] for block in self._blocks if block["type"] == "text")
        stop_reason = self.stop_reason or "end_turn"
        if stop_reason != _CALLS_TOOLS:
            return ModelReply(text, stop_reason)
        blocks = tuple(block for block in self._blocks if block["type"] != "text" or block["text"].strip())
        calls = tuple(
            ToolCall(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == _CALLS_TOOLS
        )
        return ModelReply(text, stop_reason, calls, blocks)

    def _begin(self, block: Any) -> str:
        if block.type == "text":
            self._blocks.append({"type": "text", "text": ""})
            return self._text(block.text)
        if block.type == _CALLS_TOOLS:
            self._blocks.append({"type": _CALLS_TOOLS, "id": block.id, "name": block.name, "input": {}})
            self._arguments = []
        return ""

    def _go_on(self, delta: Any) -> str:
        if delta.type == "text_delta":
            return self._text(delta.text)
        if delta.type == "input_json_delta":
            self._arguments.append(delta.partial_json)
        return ""

    def _end(self) -> None:
        if self._arguments:
            self._blocks[-1]["input"] = _arguments("".join(self._arguments))
            self._arguments = []

    def _text(self, text: str) -> str:
        text = text.encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair, which nothing can store
        self._blocks[-1]["text"] += text
        self._characters += len(text)
        estimate = math.ceil(self._characters / _CHARACTERS_PER_TOKEN)
        self._usage.output_tokens = max(self._usage.output_tokens, estimate)
        return text

    def _count(self, reported: Any) -> None:
        """Take reported numbers; a field that a later event leaves out keeps its number."""
        cached = (reported.cache_creation_input_tokens or 0) + (reported.cache_read_input_tokens or 0)
        self._usage.input_tokens = max(self._usage.input_tokens, (reported.input_tokens or 0) + cached)
        self._usage.output_tokens = reported.output_tokens


def _arguments(text: str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(text or "{}")
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise UpstreamError("the Anthropic API sent a tool call whose arguments are no JSON object")
    return parsed
