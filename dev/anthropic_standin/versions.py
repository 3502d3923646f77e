"""What differs between the API's versions (the `anthropic-version` header).

Version 2026-10-21 takes no sampling parameters, not even with their default values, no documents in an assistant's
message, and no citations on a user's text. Source: the public migration guide of that version.
"""

from __future__ import annotations

from dev.anthropic_standin.content import DocumentBlock, TextBlock
from dev.anthropic_standin.conversation import blocks
from dev.anthropic_standin.errors import invalid
from dev.anthropic_standin.requests import CountTokensRequest, Message

LATEST = "2026-10-21"
VERSIONS = frozenset({LATEST, "2023-06-01", "2023-01-01"})
SAMPLING = ("temperature", "top_p", "top_k")


def check_version(version: str | None) -> str:
    """Return the version that a request names; raises the API's 400 where there is none or an unknown one."""
    if not version:
        raise invalid("anthropic-version: header is required")
    if version not in VERSIONS:
        raise invalid(f'anthropic-version: "{version}" is not a valid version')
    return version


def check_allowed(request: CountTokensRequest, version: str) -> None:
    """Refuse what a request may no longer hold in its version."""
    if version != LATEST:
        return
    for name in SAMPLING:
        if name in request.model_fields_set:
            raise invalid(f"{name}: Extra inputs are not permitted")
    for index, message in enumerate(request.messages):
        _check_message(index, message)


def _check_message(index: int, message: Message) -> None:
    for position, block in enumerate(blocks(message)):
        path = f"messages.{index}.content.{position}"
        if message.role == "assistant" and isinstance(block, DocumentBlock):
            raise invalid(f"{path}: `document` blocks are not permitted in `assistant` messages")
        if message.role == "user" and isinstance(block, TextBlock) and block.citations:
            raise invalid(f"{path}.text.citations: citations are not permitted in `user` messages")
