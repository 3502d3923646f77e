"""kopf's settings, its login with our own session, and its run."""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory  # spawn_tasks takes one; not exported.

from tenantry_operator.handlers import agent_binding, gateway
from tenantry_operator.handlers.healing import heal
from tenantry_operator.handlers.lists import EmptyLists
from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY
from tenantry_operator.reconcile.engine import STALE_SECONDS, Engine
from tenantry_operator.settings import Settings

WATCH_SECONDS = 240
"""kopf opens each watch anew after this time at the latest: a sign that it is alive."""
IDLE_SECONDS = 0.3
"""How long kopf keeps a task for an object without news; its default holds thousands of tasks at start."""
MAX_PAUSE = 10.0
"""Seconds between attempts of a request, about; so late is an API server's return noticed."""
RECONNECT_SECONDS = 0.5
"""Pause before a new list."""
LOGIN_SECONDS = 0.5
"""Pause before new credentials are tried."""


@dataclass(frozen=True, slots=True)
class Backoffs:
    """kopf's pauses between attempts of a request, without an end: an API server's outage must not end the operator."""

    rand: Callable[[], float]

    def __iter__(self) -> Iterator[float]:
        for attempt in itertools.count():
            yield min(MAX_PAUSE, 0.5 * 2.0 ** min(attempt, 6)) * (0.5 + self.rand())


class NoMemories(ResourceMemories):
    """No memory of objects, 2 KB of each: it is for daemons and for handlers that fail, of which there are none."""

    async def recall(self, raw_body: kopf.RawBody, **options: Any) -> ResourceMemory:
        """A new one each time."""
        return await super().recall(raw_body, **{**options, "ephemeral": True})


class NoDiffBase(kopf.DiffBaseStorage):
    """No last state of objects to compare with: kopf would copy each object at each event, for handlers of changes."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Nothing is compared."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Nothing is kept."""
        return None

    def store(self, **_: Any) -> None:
        """Keep nothing."""


def configure(settings: kopf.OperatorSettings, rand: Callable[[], float], idle_seconds: float) -> None:
    """Settings under which kopf only watches: no events of its own, no peering, no scanning of the cluster."""
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.inactivity_timeout = idle_seconds
    settings.watching.reconnect_backoff = RECONNECT_SECONDS
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.networking.error_backoffs = Backoffs(rand)
    settings.process.ultimate_exiting_timeout = None  # A watchdog of our own ends a process that does not end.


@dataclass(slots=True)
class WatchTimes:
    """When kopf last listed each of our kinds or opened a watch: it has no other sign of life to show."""

    clock: Callable[[], float]
    namespaces: Sequence[str] = ()
    """Where kopf watches; everywhere if empty."""
    _asked: dict[str, float] = field(default_factory=dict)
    """By path."""

    def start(self) -> None:
        """From now on silence counts."""
        paths = (kind.path(where) for kind in (GATEWAY, AGENT_BINDING) for where in self.namespaces or (None,))
        self._asked = dict.fromkeys(paths, self.clock())

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Client middleware of kopf's session."""
        for path in self._asked:
            if request.url.path.endswith(path):  # An API server may be behind a path of its own.
                self._asked[path] = self.clock()
        return await handler(request)

    def stale(self) -> dict[str, float]:
        """What was not asked for too long: seconds since, by path."""
        now = self.clock()
        limit = WATCH_SECONDS + STALE_SECONDS
        return {path: now - asked for path, asked in self._asked.items() if now - asked > limit}


def register(
    registry: kopf.OperatorRegistry, engine: Engine, settings: Settings, times: WatchTimes, stop: asyncio.Event
) -> None:
    """Hand kopf our session, and tell when it ends."""
    logins = itertools.count()

    @kopf.on.login(registry=registry, id="login")
    async def login(**_: Any) -> kopf.AiohttpSession:
        transport = engine.client.transport
        if next(logins):  # kopf was refused: the next time it should not be, nor at once again if it is.
            await asyncio.sleep(LOGIN_SECONDS)
            await transport.reload()
        session = transport.new_session(times, EmptyLists(engine.relist, settings.namespaces), heal)
        return kopf.AiohttpSession(server=transport.credentials.server, aiohttp_session=session)

    @kopf.on.cleanup(registry=registry, id="end")
    async def cleanup(**_: Any) -> None:
        # kopf itself waits for this flag in a task that it would give five seconds to end.
        stop.set()


async def watch(
    engine: Engine, settings: Settings, times: WatchTimes, stop: asyncio.Event, started: Callable[[], None]
) -> None:
    """What kopf does: it watches our kinds until ``stop`` is set, or until it breaks.

    At its end it cancels every task that is younger than itself. ``started`` is called once it has taken the process's
    signals for itself.
    """
    registry = kopf.OperatorRegistry()
    kopf_settings = kopf.OperatorSettings()
    configure(kopf_settings, random.random, settings.watch_idle_seconds)
    register(registry, engine, settings, times, stop)
    gateway.register(registry, engine)
    agent_binding.register(registry, engine)
    times.start()
    elders = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=kopf_settings,
        memories=NoMemories(),
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        stop_flag=stop,
    )
    started()
    await kopf.run_tasks(tasks, ignored=elders)
