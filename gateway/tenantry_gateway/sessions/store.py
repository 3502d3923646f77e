"""What every store of conversations does; files and PostgreSQL implement it besides memory.

A turn is committed whole, at the number that the writer expects to be next and under the epoch in which it may
write, so that neither two writers nor a former holder of the store can overwrite each other. Source: DESIGN 5, 6, 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tenantry_gateway.sessions.steps import Step
from tenantry_gateway.sessions.transcript import SessionId, Transcript, Turn


class StoreError(Exception):
    """A turn that was not committed."""


class SequenceConflict(StoreError):
    """The session has another number of turns than the writer expects: somebody else wrote it meanwhile."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"the session has {actual} turns, not {expected}")
        self.expected = expected
        self.actual = actual


class EpochFenced(StoreError):
    """A later epoch has begun: this writer may write no more."""

    def __init__(self, epoch: int, current: int) -> None:
        super().__init__(f"epoch {epoch} is over: {current} has begun")
        self.epoch = epoch
        self.current = current


class Store(Protocol):
    """Conversations by session."""

    @property
    def epoch(self) -> int:
        """The epoch in which this process may write."""
        ...

    async def load(self, session: SessionId) -> Transcript:
        """The session's newest turns; an empty transcript where there is none."""
        ...

    async def commit(
        self, session: SessionId, turn: Turn, *, expected: int, epoch: int, events: Sequence[object] = ()
    ) -> int:
        """Add `turn` after `expected` turns and return the new number of turns, once it cannot be lost any more.

        `events` come into the audit log before it. Raises SequenceConflict, EpochFenced or StorageFailed; then the turn
        was not written.
        """
        ...

    async def keep_step(self, session: SessionId, turn_id: str, actor: str, step: Step) -> None:
        """Keep a step of a turn that goes on; raises StorageFailed."""
        ...

    async def steps(self, session: SessionId, turn_id: str) -> list[Step]:
        """The steps that are kept of a turn."""
        ...

    async def find(self, session: SessionId, turn_id: str) -> Turn | None:
        """The committed turn of that id."""
        ...
