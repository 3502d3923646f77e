"""Which of a conversation's turns the model is sent. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tenantry_gateway.sessions.transcript import Turn

MAX_TURNS: Final = 100
MAX_BYTES: Final = 320 * 1024
"""80,000 tokens at four bytes each, and 160,000 at the two bytes that some languages need: both fit 200,000."""


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
