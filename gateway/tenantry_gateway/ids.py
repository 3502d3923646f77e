"""Random ids. Each request takes some: they are cut from blocks, for a system call for each lets other threads in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

_DIGITS: Final = 32
_BLOCK: Final = 4096


def new_ids(prefix: str) -> Iterator[str]:
    """Ids for ever: `prefix`, an underscore and 32 hexadecimal digits. Not for two threads at a time."""
    while True:
        block = os.urandom(_BLOCK).hex()
        for start in range(0, len(block), _DIGITS):
            yield f"{prefix}_{block[start : start + _DIGITS]}"
