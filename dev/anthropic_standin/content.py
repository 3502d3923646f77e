"""The shapes of the content blocks that a request may carry (pydantic, strict: an unknown field is an error).

The discriminators' tags become part of an error's path just as the real API reports it
(``messages.0.content.1.tool_use.input: Field required``). Tags that start with ``~`` are ours and are left out of it.
Source: the parameter types of the official SDK.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag


class Shape(BaseModel):
    """Base of all request shapes: strict types, no unknown fields, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def text_or_list(value: Any) -> str:
    """Tell a plain string from a list of blocks, so that an error names the path of the right one."""
    return "~text" if isinstance(value, str) else "~list"


def _is_base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("invalid base64 data") from error
    return value


Base64 = Annotated[str, Field(min_length=1), AfterValidator(_is_base64)]


class CacheControl(Shape):
    """A cache breakpoint."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class Cacheable(Shape):
    """Any block that may carry a cache breakpoint."""

    cache_control: CacheControl | None = None


class TextBlock(Cacheable):
    """Text."""

    type: Literal["text"]
    text: str
    citations: list[dict[str, Any]] | None = None


class Base64Image(Shape):
    """An image within the request."""

    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: Base64


class UrlSource(Shape):
    """Something that the API fetches."""

    type: Literal["url"]
    url: Annotated[str, Field(pattern=r"^https?://")]


class FileSource(Shape):
    """Something uploaded before."""

    type: Literal["file"]
    file_id: str


class ImageBlock(Cacheable):
    """An image."""

    type: Literal["image"]
    source: Annotated[Base64Image | UrlSource | FileSource, Field(discriminator="type")]


class Base64Pdf(Shape):
    """A PDF within the request."""

    type: Literal["base64"]
    media_type: Literal["application/pdf"]
    data: Base64


class PlainTextSource(Shape):
    """A text document within the request."""

    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class ContentSource(Shape):
    """A document made of blocks."""

    type: Literal["content"]
    content: str | list[TextBlock]


class CitationsConfig(Shape):
    """Whether a document is to be cited."""

    enabled: bool = False


class DocumentBlock(Cacheable):
    """A document."""

    type: Literal["document"]
    source: Annotated[Base64Pdf | PlainTextSource | ContentSource | UrlSource | FileSource, Field(discriminator="type")]
    title: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None


class ToolUseBlock(Cacheable):
    """An earlier call of a tool by the model, sent back as history."""

    type: Literal["tool_use"]
    id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    input: dict[str, Any]
    caller: dict[str, Any] | None = None
    toolset_name: str | None = None


ResultPart = Annotated[TextBlock | ImageBlock | DocumentBlock, Field(discriminator="type")]


class ToolResultBlock(Cacheable):
    """What a tool answered."""

    type: Literal["tool_result"]
    tool_use_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    content: Annotated[
        Annotated[str, Tag("~text")] | Annotated[list[ResultPart], Tag("~list")], Discriminator(text_or_list)
    ] = ""
    is_error: bool = False
    toolset_name: str | None = None


class ThinkingBlock(Shape):
    """Thinking of an earlier answer, sent back unchanged."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingBlock(Shape):
    """Encrypted thinking of an earlier answer."""

    type: Literal["redacted_thinking"]
    data: str


Block = Annotated[
    TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock | RedactedThinkingBlock,
    Field(discriminator="type"),
]

Content = Annotated[Annotated[str, Tag("~text")] | Annotated[list[Block], Tag("~list")], Discriminator(text_or_list)]
"""A message's content: a string, or a list of blocks."""

SystemPrompt = Annotated[
    Annotated[str, Tag("~text")] | Annotated[list[TextBlock], Tag("~list")], Discriminator(text_or_list)
]
"""The system prompt: a string, or a list of text blocks."""
