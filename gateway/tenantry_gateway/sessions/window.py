"""Which of a conversation's turns the model is sent. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tenantry_gateway.sessions.transcript import Turn

MAX_TURNS: Final = 100
MAX_BYTES: Final = 384 * 1024
"""About 100,000 tokens at four bytes each: half of a common context window, as some texts need two bytes a token."""


def newest_turns(turns: Sequence[Turn], *, max_turns: int = MAX_TURNS, max_bytes: int = MAX_BYTES) -> tuple[Turn, ...]:
    """The newest turns, whole and in order, that fit `max_turns` and `max_bytes`. One that is too large ends them."""
    kept: list[Turn] = []
    size = 0
    for turn in reversed(turns):
        size += turn.size
        if len(kept) == max_turns or size > max_bytes:
            break
        kept.append(turn)
    return tuple(reversed(kept))
