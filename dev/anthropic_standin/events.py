"""The server-sent events of a streamed answer, in the real API's order. Pure.

message_start, then for each content block content_block_start, its deltas and content_block_stop (a ping after the
first start), then message_delta with the final usage, and message_stop. Source: the public documentation of streaming.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from dev.anthropic_standin.errors import ApiError

JSON_PIECE = 12
Event = dict[str, Any]


def encode(event: Event) -> bytes:
    """Return an event as it goes over the wire."""
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def stream_events(message: dict[str, Any]) -> list[Event]:
    """Return the events that stream a finished message."""
    usage = message["usage"]
    opening = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }
    events: list[Event] = [{"type": "message_start", "message": opening}]
    for index, block in enumerate(message["content"]):
        events.append({"type": "content_block_start", "index": index, "content_block": _empty(block)})
        if index == 0:
            events.append({"type": "ping"})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in _deltas(block)]
        events.append({"type": "content_block_stop", "index": index})
    final = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    counts = {
        key: usage[key]
        for key in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    }
    events.append({"type": "message_delta", "delta": final, "usage": counts})
    events.append({"type": "message_stop"})
    return events


def first_half(events: Sequence[Event]) -> list[Event]:
    """Return the events up to the middle of the deltas: a stream that breaks off."""
    deltas = [index for index, event in enumerate(events) if event["type"] == "content_block_delta"]
    return list(events[: deltas[len(deltas) // 2] + 1])


def error_event(error: ApiError) -> Event:
    """Return the event that ends a stream with an error."""
    return {"type": "error", "error": {"type": error.type, "message": error.message}}


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block as it starts: everything that deltas bring is empty."""
    brought: dict[str, dict[str, Any]] = {
        "text": {"text": ""},
        "tool_use": {"input": {}},
        "thinking": {"thinking": "", "signature": ""},
    }
    return {**block, **brought[block["type"]]}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "tool_use":
        yield {"type": "input_json_delta", "partial_json": ""}
        text = json.dumps(block["input"])
        for start in range(0, len(text), JSON_PIECE):
            yield {"type": "input_json_delta", "partial_json": text[start : start + JSON_PIECE]}
        return
    kind = block["type"]
    for piece in re.findall(r"\S+\s*|\s+", block[kind]):
        yield {"type": f"{kind}_delta", kind: piece}
    if kind == "thinking":
        yield {"type": "signature_delta", "signature": block["signature"]}
