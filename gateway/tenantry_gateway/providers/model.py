"""What the gateway asks of a model, whoever serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import SecretStr

OnText = Callable[[str], Awaitable[None]]
"""Receives the reply's text piece by piece; what it raises ends the call."""


@dataclass(frozen=True, slots=True)
class ModelMessage:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call. `messages` end with the user's."""

    model: str
    system: str | None
    max_tokens: int
    messages: tuple[ModelMessage, ...]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the API is and what opens it. `base_url` None: the provider's own."""

    api_key: SecretStr
    base_url: str | None = None


@dataclass(slots=True)
class Usage:
    """Tokens of a call, counted while it runs: input includes what a cache served, output what arrived so far.

    While the API has not told the output's exact number, it is estimated from the text.
    """

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelReply:
    """The whole answer."""

    text: str
    stop_reason: str


class Model(Protocol):
    """A provider of models."""

    async def reply(self, request: ModelRequest, credentials: Credentials, usage: Usage, on_text: OnText) -> ModelReply:
        """Ask for a reply; text goes to `on_text` as it arrives, and `usage` is right at any time.

        Raises UpstreamError. A cancelled call, or one whose `on_text` raises, ends the upstream request at once.
        """
        ...
