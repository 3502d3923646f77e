"""Tokens of an answer that is passed on, read from it while it passes. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tenantry_gateway.providers.model import Usage

_NAMED: Final = b'"usage"'
_DATA: Final = b"data:"
_MAX_LINE: Final = 1 << 20


def usage_of(body: bytes) -> Usage:
    """Of a whole message; nothing where it is none."""
    usage = Usage()
    if _NAMED in body:
        _count(usage, _parse(body))
    return usage


class StreamMeter:
    """Reads server-sent events, however they are cut."""

    def __init__(self) -> None:
        self.usage = Usage()
        self._rest = b""
        self._skipping = False
        """Whether the line that is being read is too long to be looked at."""

    def take(self, chunk: bytes) -> None:
        """Look at a piece of the stream."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._extend(piece)
            if not self._skipping:
                self._look_at(self._rest)
            self._rest, self._skipping = b"", False
        self._extend(rest)

    def _extend(self, piece: bytes) -> None:
        """Add to the line, unless that makes it too long: no event with numbers is, and memory is bounded."""
        if self._skipping or len(self._rest) + len(piece) > _MAX_LINE:
            self._rest, self._skipping = b"", True
        else:
            self._rest += piece

    def _look_at(self, line: bytes) -> None:
        if line.startswith(_DATA) and _NAMED in line:
            event = _parse(line[len(_DATA) :])
            message = event.get("message")
            _count(self.usage, message if isinstance(message, dict) else event)


def _count(usage: Usage, holder: dict[str, Any]) -> None:
    """Take the numbers of `holder["usage"]`; one that a later event leaves out stays."""
    reported = holder.get("usage")
    if not isinstance(reported, dict):
        return
    given = reported.get
    cached = _number(given("cache_creation_input_tokens")) + _number(given("cache_read_input_tokens"))
    usage.input_tokens = max(usage.input_tokens, _number(given("input_tokens")) + cached)
    usage.output_tokens = max(usage.output_tokens, _number(reported.get("output_tokens")))


def _number(value: object) -> int:
    return value if type(value) is int and value > 0 else 0


def _parse(data: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
