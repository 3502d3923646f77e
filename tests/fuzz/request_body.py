"""Request bodies: what is taken is JSON that every reader reads alike; what is not is the client's fault, in few words.

Input: the body.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from tenantry_gateway.conversation.request import ChatRequest
from tenantry_gateway.errors import InvalidRequest
from tenantry_gateway.routes.body import parse_body, parse_json

TOKENS: Final = (
    *(b'"text"', b'"channel"', b'"channelId"', b'"senderId"', b'"agentId"', b'"stream"', b'"\\ud800"', b"\\u0000"),
    *(b"true", b"null", b"NaN", b"Infinity", b"-0", b"1e999", b"0.1", b"9" * 40, b"[" * 33, b"{}", b'{"a":', b","),
)
_MAX_DEPTH: Final = 32
_MAX_MESSAGE: Final = 400


def fuzz(data: bytes) -> None:
    """One body."""
    try:
        value = parse_json(data)
    except InvalidRequest as error:
        told(error)
    else:
        assert repr(json.loads(data, object_pairs_hook=_distinct)) == repr(value)
        assert max(depth for depth, _ in _nodes(value)) <= _MAX_DEPTH
        assert all(math.isfinite(node) for _, node in _nodes(value) if isinstance(node, float))
        assert repr(parse_json(json.dumps(value).encode())) == repr(value)
    try:
        asked = parse_body(data, ChatRequest)
    except InvalidRequest as error:
        told(error)
    else:
        assert parse_body(asked.model_dump_json(by_alias=True).encode(), ChatRequest) == asked
        assert ChatRequest.model_validate_json(asked.asked(), by_name=True) == asked.model_copy(
            update={"stream": False}
        )


def told(error: InvalidRequest) -> None:
    """A message that any answer can hold."""
    assert 0 < len(error.message.encode()) <= 4 * _MAX_MESSAGE
    assert len(error.message) <= _MAX_MESSAGE


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def _nodes(value: object, depth: int = 0) -> Iterator[tuple[int, object]]:
    """Every value, and in how many lists and objects it is or is one."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    yield depth + (children is not None), value
    for child in children or ():
        yield from _nodes(child, depth + 1)


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
