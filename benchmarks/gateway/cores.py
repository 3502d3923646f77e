"""Who runs where: what is measured has one core for itself, the load and the stand-in share another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """Numbers of two cores; the same where the process may use only one."""

    system: int
    load: int

    @property
    def apart(self) -> bool:
        """Whether what is measured has its core for itself."""
        return self.system != self.load


def choose_cores() -> Cores:
    """The first two cores that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[min(1, len(allowed) - 1)])


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run the block on one core; a process started in it stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
