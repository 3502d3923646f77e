"""What all requests share: the snapshot in force, or why there is none, and whether the process is stopping."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from tenantry_gateway.agents.calls import ModelCalls
from tenantry_gateway.agents.tool_loop import ToolLoop
from tenantry_gateway.agents.turns import TURN_SECONDS, Turns
from tenantry_gateway.audit.event import AuditEvent
from tenantry_gateway.audit.tally import Tally
from tenantry_gateway.conversation.service import Conversation
from tenantry_gateway.errors import AuthenticationFailed, GatewayError, NotReady, PermissionDenied, StorageFailed
from tenantry_gateway.idempotency.keys import Keys
from tenantry_gateway.in_flight import InFlight
from tenantry_gateway.metrics import Metrics
from tenantry_gateway.providers.model import Model
from tenantry_gateway.relay.client import RelayClient
from tenantry_gateway.sessions.files import FileStore
from tenantry_gateway.snapshot import Snapshot
from tenantry_gateway.state_directory import StateDirectory
from tenantry_gateway.tracing import OFF, Tracer
from tenantry_gateway.websocket.registry import Registry


async def _nothing_to_reload() -> None:
    """Before there is a configuration."""


@dataclass(slots=True)
class GatewayState:
    """The only mutable state besides sessions. `waiting` says what is missing while `snapshot` is None."""

    directory: StateDirectory
    metrics: Metrics
    store: FileStore
    turns: Turns
    conversation: Conversation
    in_flight: InFlight
    tracer: Tracer = OFF
    relay: RelayClient = field(default_factory=RelayClient)
    sockets: Registry = field(default_factory=Registry)
    tally: Tally = field(default_factory=Tally)
    snapshot: Snapshot | None = None
    reload: Callable[[], Awaitable[None]] = _nothing_to_reload
    """Looks at the configuration now."""
    waiting: str = "the configuration is not loaded yet"
    draining: bool = False
    config_error: str | None = None
    """Why the configuration on disk is not the one in force."""

    def current(self) -> Snapshot:
        """The snapshot in force; raises NotReady, which says what is missing."""
        if self.snapshot is None:
            raise NotReady(self.waiting, retry_after=1.0)
        return self.snapshot

    def denied(self, error: GatewayError, principal: str | None, route: str) -> None:
        """Count a refusal for the audit log; any other error is none of its business."""
        if isinstance(error, AuthenticationFailed):
            self.tally.add(AuditEvent("auth.failure", "failure", target=route, reason=error.type))
        elif isinstance(error, PermissionDenied):
            self.tally.add(AuditEvent("rbac.denied", "denied", actor=principal, target=route, reason=error.type))

    def check_storage(self) -> None:
        """Raise StorageFailed while nothing can be written: what cannot be audited is not begun."""
        problem = self.directory.writer.problem
        if problem is not None:
            raise StorageFailed(problem)


def build_state(
    model: Model,
    directory: StateDirectory,
    *,
    turn_seconds: float = TURN_SECONDS,
    tracer: Tracer = OFF,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> GatewayState:
    """The state of a gateway that has no configuration yet. `directory` is open."""
    metrics, in_flight, writer = Metrics(), InFlight(), directory.writer
    store = FileStore(directory.path, writer, now)
    metrics.sessions.set_function(lambda: len(store))
    metrics.storage_problem.set_function(lambda: float(writer.problem is not None))
    loop = ToolLoop(ModelCalls(model, metrics, tracer=tracer), metrics, tracer=tracer)
    turns = Turns(store, loop, turn_seconds=turn_seconds, note=writer.note)
    conversation = Conversation(turns, Keys(directory.path, writer, time.time), metrics, in_flight)
    state = GatewayState(directory, metrics, store, turns, conversation, in_flight, tracer)
    metrics.in_flight.set_function(lambda: int(in_flight) - len(state.sockets))
    metrics.sockets.set_function(lambda: len(state.sockets))
    return state


STATE: web.AppKey[GatewayState] = web.AppKey("gateway_state", GatewayState)
