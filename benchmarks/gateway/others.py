"""How much of the machine others used meanwhile: figures of a busy machine tell less."""

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE = (3, 4)
"""Fields of /proc/stat: idle, and waiting for a disk."""
_COUNTED = 8
"""Fields before the guests' time, which the first ones hold already."""


class OtherUse:
    """Cores that neither this process nor any of its children used, since it was made.

    Children count once they have ended.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._before = _busy_seconds() - _own_seconds()

    def cores(self) -> float:
        """The mean number."""
        used = _busy_seconds() - _own_seconds() - self._before
        return round(max(0.0, used / (time.monotonic() - self._began)), 2)


def _busy_seconds() -> float:
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields[:_COUNTED]) - sum(fields[place] for place in _IDLE)) / _TICKS


def _own_seconds() -> float:
    return sum(os.times()[:4])
