"""A chat message as clients send it, over HTTP or WebSocket."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tenantry_gateway.routing.destination import Address

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HALF: Final = re.compile(r"[\ud800-\udfff]")


def _identifier(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return value


def _text(value: str) -> str:
    if _HALF.search(value):
        raise ValueError("must be text: it holds half of a surrogate pair")
    if not value.strip():
        raise ValueError("must not be blank")
    if "\0" in value:
        raise ValueError("must not hold NUL")
    return value


Identifier = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_identifier)]


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat`, and the parameters of the WebSocket's method `chat`."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    text: Annotated[str, AfterValidator(_text)]
    channel: Identifier | None = None
    channel_id: Identifier | None = None
    sender_id: Identifier | None = None
    agent_id: Identifier | None = None
    stream: bool = False

    @property
    def address(self) -> Address:
        """Where it comes from and goes to."""
        return Address(self.channel, self.channel_id, self.sender_id, self.agent_id)

    def asked(self) -> bytes:
        """What makes it the same request when it is sent again: everything but how the answer is to come."""
        return self.model_dump_json(exclude={"stream"}).encode()
