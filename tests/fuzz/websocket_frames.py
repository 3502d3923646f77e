"""WebSocket frames: one that is refused is refused without a word of it that no close frame holds; answers are frames.

Input: the text of a frame.
"""

from __future__ import annotations

import json
from typing import Final

from tenantry_gateway.conversation.request import ChatRequest
from tenantry_gateway.errors import InvalidRequest
from tenantry_gateway.routes.body import parse_json, validate
from tenantry_gateway.websocket.frames import (
    ConnectFrame,
    FrameRefused,
    RequestFrame,
    failure,
    parse_connect,
    parse_request,
    success,
)

TOKENS: Final = (
    *(b'"type"', b'"connect"', b'"req"', b'"protocol": 1', b'"token"', b'"id"', b'"method"', b'"chat"', b'"params": {'),
    *(b'"text"', b'"channel"', b'"\\ud800"', b"\\u0000", b"null", b"1e999", b"[" * 33, b"true", b"x" * 129),
)
_MAX_REASON: Final = 123
"""Bytes that a close frame holds besides its code (RFC 6455, 5.5)."""


def fuzz(data: bytes) -> None:
    """One frame, as the first one and as a call."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    _connect(text)
    try:
        frame = parse_request(parse_json(data))
    except InvalidRequest:
        return
    except FrameRefused as refused:
        assert 0 < len(str(refused).encode()) <= _MAX_REASON
        return
    _call(frame)


def _connect(text: str) -> None:
    try:
        frame = parse_connect(text)
    except FrameRefused as refused:
        assert 0 < len(str(refused).encode()) <= _MAX_REASON
        return
    token = frame.token.get_secret_value()
    assert len(token) < 8 or token not in repr(frame) + str(frame)
    written = {"type": frame.type, "protocol": frame.protocol, "token": token}
    assert parse_connect(json.dumps(written)) == ConnectFrame.model_validate(written) == frame


def _call(frame: RequestFrame) -> None:
    assert parse_request(parse_json(json.dumps(frame.model_dump()).encode())) == frame
    answer = json.loads(success(frame.id, {"echo": frame.id}).encode())
    assert (answer["id"], answer["ok"]) == (frame.id, True)
    try:
        validate(frame.params, ChatRequest)
    except InvalidRequest as error:
        answer = json.loads(failure(frame.id, error, "request").encode())
        assert (answer["id"], answer["ok"], answer["error"]["status"]) == (frame.id, False, 400)


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
