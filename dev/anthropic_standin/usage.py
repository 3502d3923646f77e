"""Token counts and prompt caching, deterministic: four bytes of UTF-8 are one token.

A request is a sequence of segments in the order in which the API caches them: tools, system, messages. A breakpoint
caches everything up to it; a later request reads the longest cached prefix that ends at most 20 segments before one of
its own breakpoints. Prefixes under 1,024 tokens are not cached. Source: the public documentation of prompt caching.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from dev.anthropic_standin.content import Cacheable
from dev.anthropic_standin.conversation import blocks
from dev.anthropic_standin.requests import CountTokensRequest

BYTES_PER_TOKEN = 4
MIN_CACHED_TOKENS = 1024
LOOK_BACK = 20
LIFETIMES = {"5m": 300.0, "1h": 3600.0}
"""Lifetime of a cached prefix in seconds; reading it starts it anew."""


def text_tokens(text: str) -> int:
    """Return the tokens of a text, at least one."""
    return max(1, -(-len(text.encode()) // BYTES_PER_TOKEN))


def content_tokens(content: Sequence[dict[str, Any]]) -> int:
    """Return the tokens of an answer's blocks."""
    return sum(
        text_tokens(json.dumps(block["input"]) if block["type"] == "tool_use" else block[block["type"]])
        for block in content
    )


@dataclass(frozen=True, slots=True)
class Segment:
    """One cacheable piece of a request; `ttl` is set where it ends with a breakpoint."""

    text: str
    ttl: str | None


def segments(request: CountTokensRequest) -> list[Segment]:
    """Return a request's pieces in caching order; a top-level cache_control is a breakpoint after the last one."""
    pieces = [_segment("", tool) for tool in request.tools or ()]
    if isinstance(request.system, str) and request.system:
        pieces.append(Segment(request.system, None))
    elif isinstance(request.system, list):
        pieces += [_segment("", block) for block in request.system]
    for message in request.messages:
        pieces += [_segment(message.role, block) for block in blocks(message)]
    if request.cache_control is not None:
        pieces[-1] = Segment(pieces[-1].text, request.cache_control.ttl)
    return pieces


def _segment(role: str, carrier: BaseModel) -> Segment:
    text = role + carrier.model_dump_json(exclude={"cache_control"}, exclude_none=True)
    control = carrier.cache_control if isinstance(carrier, Cacheable) else None
    return Segment(text, control.ttl if control is not None else None)


def input_tokens(request: CountTokensRequest) -> int:
    """Return the tokens of the whole request."""
    return sum(text_tokens(piece.text) for piece in segments(request))


@dataclass(frozen=True, slots=True)
class InputUsage:
    """Input tokens by how they were paid for; the three add up to the whole request."""

    fresh: int
    read: int
    written_5m: int
    written_1h: int

    def as_json(self, output_tokens: int) -> dict[str, Any]:
        """Return the `usage` of an answer."""
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written_5m + self.written_1h,
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
            "server_tool_use": None,
        }


class PromptCache:
    """The prefixes that were cached, for every credential and model apart. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expiry: dict[str, tuple[float, str]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._expiry.clear()

    def charge(self, scope: str, request: CountTokensRequest) -> InputUsage:
        """Account for a request of one credential and model (`scope`), and remember what it caches."""
        prefixes = _prefixes(scope, segments(request))
        total = prefixes[-1].tokens
        marks = [index for index, prefix in enumerate(prefixes) if prefix.ttl and prefix.tokens >= MIN_CACHED_TOKENS]
        now = self._clock()
        hit = self._longest(prefixes, marks, now)
        read = prefixes[hit].tokens if hit is not None else 0
        if hit is not None:
            ttl = self._expiry[prefixes[hit].digest][1]
            self._expiry[prefixes[hit].digest] = (now + LIFETIMES[ttl], ttl)
        written = {"5m": 0, "1h": 0}
        done = read
        for index in marks:
            prefix = prefixes[index]
            if prefix.ttl is not None and prefix.tokens > done:
                written[prefix.ttl] += prefix.tokens - done
                self._expiry[prefix.digest] = (now + LIFETIMES[prefix.ttl], prefix.ttl)
                done = prefix.tokens
        return InputUsage(total - done, read, written["5m"], written["1h"])

    def _longest(self, prefixes: Sequence[_Prefix], marks: Sequence[int], now: float) -> int | None:
        for mark in reversed(marks):
            for index in range(mark, max(-1, mark - LOOK_BACK), -1):
                if self._expiry.get(prefixes[index].digest, (0.0, ""))[0] > now:
                    return index
        return None


@dataclass(frozen=True, slots=True)
class _Prefix:
    digest: str
    tokens: int
    ttl: str | None


def _prefixes(scope: str, pieces: Sequence[Segment]) -> list[_Prefix]:
    digest, tokens = hashlib.sha256(scope.encode()), 0
    prefixes: list[_Prefix] = []
    for piece in pieces:
        digest.update(len(piece.text).to_bytes(8, "big") + piece.text.encode())
        tokens += text_tokens(piece.text)
        prefixes.append(_Prefix(digest.hexdigest(), tokens, piece.ttl))
    return prefixes
