"""Whether this process acts: what the rest of the operator needs to know of leader election."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from tenantry_operator.errors import TenantryError


class NotLeaderError(TenantryError):
    """A write was about to be sent by a process that is not, or no longer, the one that acts."""


class Leadership(Protocol):
    """Whether this process acts."""

    def start(self, began: Callable[[], None]) -> list[asyncio.Task[None]]:
        """Take part; returns the tasks, each of which ends only by an error.

        ``began`` is called when this process begins to act. It never ceases to, but by ending.
        """
        ...

    def fence(self) -> None:
        """Pass only a process that acts; called before each write.

        Raises:
            NotLeaderError: otherwise.
        """
        ...

    def unready(self) -> str:
        """What keeps this process from taking part, as a person would put it; empty if nothing does."""
        ...

    def stale(self, seconds: float) -> dict[str, float]:
        """Its watch, if that shows no sign of life for so long: seconds since."""
        ...

    async def resign(self, *, at_once: bool) -> None:
        """Act no more; ``at_once`` also lets the next one begin, since nothing of ours is still under way."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class Alone:
    """Leadership where there is no other: always."""

    def start(self, began: Callable[[], None]) -> list[asyncio.Task[None]]:
        """Begin to act."""
        began()
        return []

    def fence(self) -> None:
        """Pass."""

    def unready(self) -> str:
        """Nothing."""
        return ""

    def stale(self, seconds: float) -> dict[str, float]:  # noqa: ARG002 - it watches nothing
        """Nothing."""
        return {}

    async def resign(self, *, at_once: bool) -> None:
        """Nothing to release."""

    async def close(self) -> None:
        """Nothing to close."""
