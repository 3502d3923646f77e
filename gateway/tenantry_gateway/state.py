"""What all requests share: the snapshot in force, or why there is none, and whether the process is stopping."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from tenantry_gateway.agents.turns import Turns
from tenantry_gateway.errors import NotFound, NotReady
from tenantry_gateway.metrics import Metrics
from tenantry_gateway.relay.client import RelayClient
from tenantry_gateway.sessions.files import FileStore
from tenantry_gateway.snapshot import Snapshot


class Journal(Protocol):
    """What the audit log is told."""

    async def write(self, events: Sequence[object]) -> None:
        """Return once the events cannot be lost; raises StorageFailed."""
        ...

    def note(self, *events: object) -> None:
        """Write events that nobody waits for."""
        ...


class Forgetful:
    """No audit log, for gateways without a state directory: tests."""

    async def write(self, events: Sequence[object]) -> None:
        """Forget them."""

    def note(self, *events: object) -> None:
        """Forget them."""


class InFlight:
    """How many requests are being answered, and a way to wait until there is none."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __int__(self) -> int:
        return self._count

    def begin(self) -> None:
        """A request came."""
        self._count += 1
        self._idle.clear()

    def end(self) -> None:
        """A request was answered, or its client left."""
        self._count -= 1
        if not self._count:
            self._idle.set()

    async def idle(self) -> None:
        """Return as soon as no request is being answered."""
        await self._idle.wait()


@dataclass(slots=True)
class GatewayState:
    """The only mutable state besides sessions. `waiting` says what is missing while `snapshot` is None."""

    metrics: Metrics
    turns: Turns
    journal: Journal = field(default_factory=Forgetful)
    """Takes events for the audit log."""
    conversations: FileStore | None = None
    """The sessions that can be listed; None where none are kept."""
    relay: RelayClient = field(default_factory=RelayClient)
    snapshot: Snapshot | None = None
    waiting: str = "the configuration is not loaded yet"
    draining: bool = False
    in_flight: InFlight = field(default_factory=InFlight)
    config_error: str | None = None
    """Why the configuration on disk is not the one in force."""

    def kept(self) -> FileStore:
        """The conversations; raises NotFound where none are kept."""
        if self.conversations is None:
            raise NotFound("this gateway keeps no sessions")
        return self.conversations

    def current(self) -> Snapshot:
        """The snapshot in force; raises NotReady, which says what is missing."""
        if self.snapshot is None:
            raise NotReady(self.waiting, retry_after=1.0)
        return self.snapshot


STATE: web.AppKey[GatewayState] = web.AppKey("gateway_state", GatewayState)
