"""What the events of a streamed answer add up to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from tenantry_gateway.errors import UpstreamError
from tenantry_gateway.providers.model import ModelReply, ToolCall, Usage

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

    def take(self, event: Mapping[str, Any]) -> str:
        """Count `event`; its text, or nothing. Raises UpstreamError for one that is none."""
        try:
            return self._take(event)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise UpstreamError("the Anthropic API sent an event that is none") from error

    def _take(self, event: Mapping[str, Any]) -> str:
        match event["type"]:
            case "content_block_delta":
                return self._go_on(event["delta"])
            case "content_block_start":
                return self._begin(event["content_block"])
            case "content_block_stop":
                self._end()
            case "message_start":
                self._count(event["message"]["usage"])
            case "message_delta":
                self._count(event["usage"])
                self.stop_reason = event["delta"].get("stop_reason") or "end_turn"
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

    def _begin(self, block: Mapping[str, Any]) -> str:
        if block["type"] == "text":
            self._blocks.append({"type": "text", "text": ""})
            return self._text(block["text"])
        if block["type"] == _CALLS_TOOLS:
            self._blocks.append({"type": _CALLS_TOOLS, "id": block["id"], "name": block["name"], "input": {}})
            self._arguments = []
        return ""

    def _go_on(self, delta: Mapping[str, Any]) -> str:
        if delta["type"] == "text_delta":
            return self._text(delta["text"])
        if delta["type"] == "input_json_delta":
            self._arguments.append(delta["partial_json"])
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

    def _count(self, reported: Mapping[str, Any]) -> None:
        """Take reported numbers; a field that a later event leaves out keeps its number."""
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        self._usage.input_tokens = max(self._usage.input_tokens, sum(reported.get(name) or 0 for name in names))
        self._usage.output_tokens = reported["output_tokens"]


def _arguments(text: str) -> Mapping[str, Any]:
    """A call's arguments, as long as they can be written down again: Python reads more than JSON holds."""
    try:
        parsed = json.loads(text or "{}")
        json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise UpstreamError("the Anthropic API sent a tool call whose arguments are no JSON object")
    return parsed
