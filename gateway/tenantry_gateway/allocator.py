"""The C library's memory, kept in one heap."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

_M_ARENA_MAX: Final = -8
"""Source: mallopt(3)."""


def keep_one_heap() -> None:
    """Have all threads share a heap. Call it before there are any; without glibc it does nothing.

    glibc gives each thread a heap of its own. Conversations are read by several threads and freed by another, and the
    holes that they left in all those heaps made memory grow with every message.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
