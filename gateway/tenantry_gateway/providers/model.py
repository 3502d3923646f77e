"""What the gateway asks of a model, whoever serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import SecretStr

OnText = Callable[[str], Awaitable[None]]
"""Receives the reply's text piece by piece; what it raises ends the call."""


@dataclass(frozen=True, slots=True)
class ModelMessage:
    """One message of a conversation: text, or content blocks as the Messages API has them (tool calls, results)."""

    role: Literal["user", "assistant"]
    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as the model is told of it; `input_schema` is JSON Schema of an object."""

    name: str
    description: str
    input_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for. `id` is the API's, `toolu_…`."""

    id: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call. `messages` end with the user's."""

    model: str
    system: str | None
    max_tokens: int
    messages: tuple[ModelMessage, ...]
    tools: tuple[ToolDefinition, ...] = ()
    may_call: bool = True
    """False: the model sees the tools that it has called, and must answer in words."""


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

    def add(self, other: Usage) -> None:
        """Count another call's tokens, too."""
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens


@dataclass(frozen=True, slots=True)
class ModelReply:
    """The whole answer. `blocks` are its content as the API takes it back, for answers that call tools."""

    text: str
    stop_reason: str
    calls: tuple[ToolCall, ...] = ()
    blocks: tuple[Mapping[str, Any], ...] = ()


class Model(Protocol):
    """A provider of models."""

    async def reply(self, request: ModelRequest, credentials: Credentials, usage: Usage, on_text: OnText) -> ModelReply:
        """Ask for a reply; text goes to `on_text` as it arrives, and `usage` is right at any time.

        Raises UpstreamError. A cancelled call, or one whose `on_text` raises, ends the upstream request at once.
        """
        ...
