"""The bodies of POST /v1/messages and POST /v1/messages/count_tokens, and reading them from JSON.

Source: the parameter types of the official SDK; the wording of errors is the API's.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Discriminator, Field, Tag, ValidationError

from dev.anthropic_standin.content import Cacheable, CacheControl, Content, Shape, SystemPrompt
from dev.anthropic_standin.errors import invalid


class Message(Shape):
    """One message of the conversation."""

    role: Literal["user", "assistant", "system"]
    content: Content


class InputSchema(Shape):
    """A tool's JSON schema; only its root is looked at."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    type: Literal["object"]
    properties: dict[str, Any] | None = None
    required: list[str] | None = None


class Tool(Cacheable):
    """A tool that the client runs."""

    type: Literal["custom"] | None = None
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]
    description: str | None = None
    input_schema: InputSchema
    strict: bool | None = None
    defer_loading: bool | None = None
    eager_input_streaming: bool | None = None
    allowed_callers: list[str] | None = None
    input_examples: list[dict[str, Any]] | None = None


SERVER_TOOLS = ("bash", "text_editor", "memory", "web_search", "web_fetch", "code_execution", "computer", "tool_search")
"""Families of tools whose schema the API itself knows; a tool's type is one of them and a date."""


class ServerTool(Cacheable):
    """A tool whose schema the API itself knows; its own settings are not looked at."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    type: str
    name: Annotated[str, Field(min_length=1)]


def _tool_kind(value: Any) -> str:
    found = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    if found is None or found == "custom":
        return "custom"
    return "~server" if str(found).startswith(SERVER_TOOLS) else "~unknown"


AnyTool = Annotated[
    Annotated[Tool, Tag("custom")] | Annotated[ServerTool, Tag("~server")],
    Discriminator(
        _tool_kind,
        custom_error_type="unknown_tool_type",
        custom_error_message="Input tag found using 'type' does not match any of the expected tags: 'custom', "
        + ", ".join(f"'{family}_*'" for family in SERVER_TOOLS),
    ),
]


class ToolChoiceAuto(Shape):
    """The model decides."""

    type: Literal["auto"]
    disable_parallel_tool_use: bool = False


class ToolChoiceAny(Shape):
    """The model must call some tool."""

    type: Literal["any"]
    disable_parallel_tool_use: bool = False


class ToolChoiceTool(Shape):
    """The model must call this tool."""

    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: bool = False


class ToolChoiceNone(Shape):
    """The model must not call a tool."""

    type: Literal["none"]


ToolChoice = Annotated[ToolChoiceAuto | ToolChoiceAny | ToolChoiceTool | ToolChoiceNone, Field(discriminator="type")]


class ThinkingEnabled(Shape):
    """Thinking with a fixed budget in tokens."""

    type: Literal["enabled"]
    budget_tokens: Annotated[int, Field(ge=1024)]
    display: Literal["summarized", "omitted"] | None = None


class ThinkingAdaptive(Shape):
    """Thinking as the model sees fit."""

    type: Literal["adaptive"]
    display: Literal["summarized", "omitted"] | None = None


class ThinkingDisabled(Shape):
    """No thinking."""

    type: Literal["disabled"]


Thinking = Annotated[ThinkingEnabled | ThinkingAdaptive | ThinkingDisabled, Field(discriminator="type")]


class Metadata(Shape):
    """What the client says about the request."""

    user_id: Annotated[str, Field(max_length=256)] | None = None


class OutputConfig(Shape):
    """How the output is to be."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: dict[str, Any] | None = None


class CountTokensRequest(Shape):
    """POST /v1/messages/count_tokens."""

    model: Annotated[str, Field(min_length=1, max_length=256)]
    messages: list[Message]
    system: SystemPrompt | None = None
    tools: list[AnyTool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    cache_control: CacheControl | None = None
    speed: Literal["standard", "fast"] | None = None


class MessagesRequest(CountTokensRequest):
    """POST /v1/messages."""

    max_tokens: Annotated[int, Field(ge=1)]
    stream: bool = False
    temperature: float | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    stop_sequences: list[str] | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    container: str | None = None
    inference_geo: str | None = None


def decode(body: bytes) -> Any:
    """Decode a body; raises the API's 400 when it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, UnicodeDecodeError) as error:
        raise invalid(f"The request body is not valid JSON: {error}") from error


Body = TypeVar("Body", bound=CountTokensRequest)


def parse(shape: type[Body], data: Any) -> Body:
    """Check the decoded body against its shape; raises the API's 400, which names the first thing that is wrong."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(part) for part in first["loc"] if not str(part).startswith("~"))
        message = first["msg"].removeprefix("Value error, ")
        raise invalid(f"{path}: {message}" if path else message) from error
