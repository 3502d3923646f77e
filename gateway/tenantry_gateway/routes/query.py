"""Parameters of queries: numbers within bounds, and none that is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aiohttp import web

from tenantry_gateway.errors import InvalidRequest

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
_DIGITS: Final = 15


def refuse_unknown(request: web.Request, known: Iterable[str]) -> None:
    """Raise InvalidRequest for a parameter that is none: it may be a known one misspelt."""
    unknown = sorted(set(request.query) - set(known))
    if unknown:
        raise InvalidRequest(f"{unknown[0][:64]}: unknown parameter; known: {', '.join(known)}")


def limit_of(request: web.Request) -> int:
    """`?limit=`, how many items are asked for."""
    limit = number_of(request, "limit")
    if limit is None:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"limit must be from 1 to {MAX_LIMIT}")
    return limit


def number_of(request: web.Request, name: str) -> int | None:
    """A whole number, or None; raises InvalidRequest."""
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise InvalidRequest(f"{name} must be a whole number")
    return int(text)
