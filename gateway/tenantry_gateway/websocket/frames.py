"""The frames of the WebSocket protocol, version 1. Pure.

Client: `connect` first, then `req`. Gateway: `event`s and one `res` for each `req`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from tenantry_gateway.errors import GatewayError

PROTOCOL: Final = 1
RETRYABLE: Final = frozenset({408, 409, 429, 502, 503, 504, 529})
"""Statuses after which the same request may be sent again."""


class ConnectFrame(BaseModel):
    """The first frame. `token` may be left out where the gateway has none."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    type: Literal["connect"]
    protocol: int
    token: SecretStr = SecretStr("")


class RequestFrame(BaseModel):
    """A call. `id` is the client's own, and unique among its calls that have no answer yet."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["req"]
    id: Annotated[str, Field(min_length=1, max_length=128)]
    method: Annotated[str, Field(min_length=1, max_length=64)]
    params: dict[str, Any] = Field(default_factory=dict)


class FrameRefused(Exception):
    """A frame that is none; the text says why, and holds nothing of it."""


def parse_connect(data: str) -> ConnectFrame:
    """The first frame; raises FrameRefused."""
    try:
        return ConnectFrame.model_validate_json(data)
    except ValidationError:
        text = '{"type": "connect", "protocol": 1, "token": "…"}'
        raise FrameRefused(f"the first frame must be {text}") from None


def parse_request(value: object) -> RequestFrame:
    """A call; raises FrameRefused, which names the field."""
    try:
        return RequestFrame.model_validate(value)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = next((part for part in detail["loc"][:1] if part in RequestFrame.model_fields), None)
        if field is None and detail["loc"]:
            raise FrameRefused(f"unknown field; known: {', '.join(RequestFrame.model_fields)}") from None
        message = detail["msg"].replace("Input should ", "must ", 1)
        raise FrameRefused(f"{field or 'frame'}: {message}") from None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the gateway tells. `id` is that of the call that it belongs to; `seq` counts the connection's."""

    name: str
    seq: int
    payload: Mapping[str, object]
    id: str | None = None

    def text(self) -> str:
        """The frame."""
        frame: dict[str, object] = {"type": "event", "event": self.name, "seq": self.seq}
        if self.id is not None:
            frame["id"] = self.id
        return _dump({**frame, "payload": self.payload})


def success(call: str, payload: Mapping[str, object]) -> str:
    """A call's answer."""
    return _dump({"type": "res", "id": call, "ok": True, "payload": payload})


def failure(call: str, error: GatewayError, request_id: str) -> str:
    """A call's error: `code` is the error's type, as over HTTP."""
    described: dict[str, object] = {
        "code": error.type,
        "status": error.status,
        "message": error.message,
        "retryable": error.status in RETRYABLE,
        "requestId": request_id,
    }
    if error.retry_after is not None:
        described["retryAfterMs"] = round(error.retry_after * 1000)
    return _dump({"type": "res", "id": call, "ok": False, "error": described})


def _dump(frame: Mapping[str, object]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
