"""The engine: queue, workers, informers, store and the periodic work, put together. It knows nothing of kopf."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from tenantry_operator import memory
from tenantry_operator.kube.apply import Writer
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.discovery import served
from tenantry_operator.kube.errors import ApiError, ForbiddenError
from tenantry_operator.kube.fights import Fights
from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY, Json, Key, Kind
from tenantry_operator.kube.observe import DirectProbe, PodProbe, ProxyProbe
from tenantry_operator.logs import about
from tenantry_operator.metrics import Metrics
from tenantry_operator.reconcile.agent_binding import BindingReporter
from tenantry_operator.reconcile.cluster import Cluster, Sources
from tenantry_operator.reconcile.contents import Contents
from tenantry_operator.reconcile.converge import Converger
from tenantry_operator.reconcile.decision import Decider
from tenantry_operator.reconcile.extras import Extras
from tenantry_operator.reconcile.follow import Follower
from tenantry_operator.reconcile.gateway import GatewayReconciler
from tenantry_operator.reconcile.lists import Lister
from tenantry_operator.reconcile.namespaces import Namespaces
from tenantry_operator.reconcile.pods import Pods
from tenantry_operator.reconcile.queue import Priority, WorkQueue
from tenantry_operator.reconcile.report import Reporter, rfc3339
from tenantry_operator.reconcile.rollout import Rollouts
from tenantry_operator.reconcile.rotation import Stopwatches
from tenantry_operator.reconcile.settling import Settling
from tenantry_operator.reconcile.store import Store
from tenantry_operator.reconcile.tally import Tally
from tenantry_operator.reconcile.tokens import Tokens
from tenantry_operator.reconcile.upgrades import Upgrades
from tenantry_operator.reconcile.upstreams import Upstreams
from tenantry_operator.reconcile.workers import Workers
from tenantry_operator.resources.image import Defaults
from tenantry_operator.settings import Settings

log = logging.getLogger(__name__)

CRD_POLL_SECONDS = 2.0
MAX_LIST_PAUSE = 30.0
STALE_SECONDS = 300.0
"""A watch without any sign of life for so long is dead: five bookmarks have not come."""
BINDINGS_PATIENCE = 3
"""So many times as long as the steps of a Gateway may its bindings wait: they only repeat what the Gateway says."""
BURST_SECONDS = 0.1
"""How long changes of status are gathered: controllers and kubelets write them one by one."""


@dataclass(frozen=True, slots=True)
class World:
    """What is random or tells the time."""

    now: Callable[[], datetime]
    rand: Callable[[], float]
    """Uniform in [0, 1)."""
    new_token: Callable[[], str]
    new_name: Callable[[], str]
    """A short suffix, unique enough for a name."""


class Engine:
    """Everything between the API server's events and its objects. Made inside a running event loop."""

    def __init__(self, settings: Settings, client: Client, metrics: Metrics, world: World) -> None:
        loop = asyncio.get_running_loop()
        self.client = client
        self.store = Store.empty()
        self.queue = WorkQueue(loop, world.rand, _QueueMetrics(metrics))
        self._settings = settings
        self._metrics = metrics
        self._world = world
        self._clock = loop.time
        sources = Sources(client, self.queue.add_child, self._burst, loop.time, world.rand, settings.namespaces)
        self._cluster = Cluster(sources)
        self._namespaces = Namespaces(sources, self.store, self._spawn)
        self._listers = self._make_listers()
        self._probe: PodProbe = DirectProbe() if settings.direct_pods else ProxyProbe(client)
        self._reconciler = self._build()
        self._tasks: list[asyncio.Task[None]] = []
        self._working: list[asyncio.Task[None]] = []
        self._workers = Workers(self.queue, self._look)
        self._leading = asyncio.Event()
        self._unready = "waiting for the API server"
        self.queue.close()  # Until it leads: another replica does the work.
        self._ids = itertools.count(1)
        self.failed: asyncio.Future[None] = loop.create_future()
        """Ends with the error that broke one of our tasks: the process should end, too."""

    async def wait_for_crds(self) -> None:
        """Wait until the API server knows our kinds; says so while it does not."""
        while missing := await self._missing_kinds():
            waiting = f"waiting for {missing}"
            if waiting != self._unready:
                log.warning("%s", waiting)
            self._unready = waiting
            await asyncio.sleep(CRD_POLL_SECONDS)
        self._unready = "reading the cluster"

    def start(self) -> None:
        """Start everything; returns at once."""
        self._tasks += map(self._watched, self._cluster.start())
        self._spawn(self._begin(), "start")

    def lead(self) -> None:
        """Act from now on. Before, everything is only read, so that nothing needs to be read then."""
        self.queue.open()
        self._look_at_all()
        self._leading.set()

    def unready(self) -> str:
        """What keeps this replica from being ready to act, as a person would put it; empty if nothing does."""
        return self._unready

    async def drain(self) -> bool:
        """Act no more, and let reconciles in flight finish for a moment. Returns whether all of them did."""
        self._unready = "stopping"
        self.queue.close()
        for worker in self._working:
            worker.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        self._working.clear()
        return await self._workers.drain()

    async def stop(self) -> None:
        """End everything."""
        await self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._probe.close()

    def observe(self, kind: Kind, event: str | None, body: Json) -> None:
        """Take an event of kopf's watch of one of our kinds; ``event`` is None for an object that it lists."""
        objects = self.store.gateways if kind is GATEWAY else self.store.bindings
        if event == "DELETED":
            meta = body["metadata"]
            affected = objects.remove((meta["namespace"], meta["name"]), int(meta["resourceVersion"]))
        else:
            affected = objects.put(body)
        for gateway in affected:
            self.queue.add(gateway, Priority.BACKGROUND if event is None else Priority.FRESH)

    def relist(self, kind: Kind, namespace: str | None) -> None:
        """kopf watches a kind from now on: list what there is."""
        for lister in self._listers:
            if (lister.kind, lister.namespace) == (kind, namespace):
                lister.due.set()

    def stale(self) -> dict[str, float]:
        """Watches that are dead: seconds since their last sign of life, by plural name."""
        ages = {**self._cluster.ages(), **self._namespaces.ages()}
        return {name: age for name, age in ages.items() if age > STALE_SECONDS}

    async def _missing_kinds(self) -> str:
        """What the API server lacks, as a person would put it; empty if it lacks nothing."""
        try:
            missing = {GATEWAY, AGENT_BINDING} - await served(self.client, (GATEWAY, AGENT_BINDING))
        except ApiError as error:
            return f"the API server: {error}"
        names = ", ".join(sorted(f"{kind.plural}.{kind.group}" for kind in missing))
        return (
            f"CustomResourceDefinitions {names}. Fix: helm upgrade --install tenantry-crds charts/tenantry-crds"
            if missing
            else ""
        )

    async def _begin(self) -> None:
        """Know everything first, then work, once this replica leads."""
        for lister in self._listers:
            self._spawn(self._keep_listed(lister), f"list of {lister.name}")
        for lister in self._listers:
            await lister.settled.wait()
        await self._cluster.settled()
        memory.settle()
        self._unready = ""
        log.info("ready: %d Gateways, %d AgentBindings", len(self.store.gateways), len(self.store.bindings))
        await self._leading.wait()
        self._look_at_all()  # It may lead since before it knew them.
        for number in range(self._settings.workers):
            self._working.append(self._watched(asyncio.create_task(self._workers.work(), name=f"worker {number}")))
        self._spawn(self._every(self._settings.resync_seconds, self._resync), "resync")

    def _look_at_all(self) -> None:
        for key in self.store.gateway_keys():
            self.queue.add(key, Priority.START)

    async def _look(self, key: Key) -> None:
        """Reconcile one key. Whatever it runs into, the worker goes on and the key comes back later."""
        started = self._clock()
        with about("/".join(key), str(next(self._ids))):
            try:
                outcome = await self._reconciler.reconcile(key)
            except ApiError as error:
                result, pause = "retry", self.queue.retry(key, error.retry_after or 0.0)
                log.warning("trying again in %.1f s: %s", pause, error)
            except Exception:
                result, pause = "bug", self.queue.retry(key)
                log.exception("a bug in the operator; trying again in %.1f s", pause)
            else:
                result = outcome.result
                if outcome.retry:
                    self.queue.retry(key)
                else:
                    self.queue.forget(key)
                if outcome.after is not None:
                    self.queue.add_after(key, outcome.after)
        self._metrics.reconciles.labels(result).inc()
        self._metrics.reconcile_duration.observe(self._clock() - started)

    def _burst(self, key: Key) -> None:
        self.queue.add_after(key, BURST_SECONDS)

    async def _resync(self) -> None:
        for key in self.store.gateway_keys():
            self.queue.add(key, Priority.BACKGROUND)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work again and again, with pauses that differ by a third."""
        while True:
            await asyncio.sleep(seconds * (5 / 6 + self._world.rand() / 3))
            try:
                await work()
            except ApiError as error:
                log.warning("periodic work failed, next time again: %s", error)

    async def _keep_listed(self, lister: Lister) -> None:
        """List when told to, however often it takes, and from time to time."""
        attempt = 0
        await lister.due.wait()
        while True:
            lister.due.clear()
            try:
                await lister.refresh()
            except ApiError as error:
                log.log(logging.DEBUG if attempt else logging.WARNING, "listing %s: %s", lister.name, error)
                pause = min(MAX_LIST_PAUSE, CRD_POLL_SECONDS * 2.0 ** min(attempt, 16))
                attempt += 1
            else:
                pause, attempt = self._settings.relist_seconds * (5 / 6 + self._world.rand() / 3), 0
            with suppress(TimeoutError):
                await asyncio.wait_for(lister.due.wait(), pause)

    def _make_listers(self) -> tuple[Lister, ...]:
        """For each of our kinds in each namespace: a Gateway whose bindings are not known yet would lose its routes."""
        in_background = partial(self.queue.add, priority=Priority.BACKGROUND)
        return tuple(
            Lister(self.client, kind, objects, in_background, namespace)
            for namespace in self._settings.namespaces or (None,)
            for kind, objects in ((AGENT_BINDING, self.store.bindings), (GATEWAY, self.store.gateways))
        )

    def _unreadable(self, namespace: str) -> ForbiddenError | None:
        """Why a namespace cannot be read, if it cannot."""
        listers = (each for each in self._listers if each.problem and each.namespace == namespace)
        unlisted = next((each.problem for each in listers), None)
        return unlisted or self._cluster.unreadable(namespace)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(self._watched(asyncio.create_task(work, name=name)))

    def _watched(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """End the process with a task that ends by an error: half an operator is worse than a restart."""
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None and not self.failed.done():
            self.failed.set_exception(task.exception() or RuntimeError(task.get_name()))

    def _settling(self, times: float) -> Settling:
        crowd = self._settings.workers
        return Settling(times * self._settings.settle_seconds, self._clock, lambda: self.queue.backlog > crowd)

    def _build(self) -> GatewayReconciler:
        world, settings = self._world, self._settings
        writer = Writer(self.client, self._cluster.caches, self._cluster.secrets, self._metrics, Fights(self._clock))
        pods = Pods(self._cluster.pods, self._probe, writer, self._clock)
        gateways = Reporter(GATEWAY, self.store.gateways, writer, world.now, world.new_name, self._settling(1))
        bindings = Reporter(
            AGENT_BINDING, self.store.bindings, writer, world.now, world.new_name, self._settling(BINDINGS_PATIENCE)
        )
        converger = Converger(
            writer, self._cluster.applied, self._cluster.secrets, world.new_token, self._cluster.storage_classes
        )
        stopwatches = Stopwatches(world.now, self._clock)
        tokens = Tokens(writer, pods, stopwatches, world.new_token, world.new_name, world.now)
        return GatewayReconciler(
            store=self.store,
            converger=converger,
            extras=Extras(writer, self._cluster.optional),
            pods=pods,
            follower=Follower(converger, pods, tokens),
            rollouts=Rollouts(self._clock),
            gateways=gateways,
            bindings=BindingReporter(bindings, lambda: rfc3339(world.now())),
            tally=Tally(self._metrics.gateways),
            upgrades=Upgrades(
                Defaults(settings.gateway_image, settings.gateway_pull_policy),
                settings.max_rollouts,
                self._cluster.deployments,
                self.queue.add,
                _RolloutMetrics(self._metrics),
            ),
            decider=Decider(self._namespaces, Contents(), pods),
            upstreams=Upstreams(self._cluster.services, settings.network.cluster_domain, settings.namespaces),
            network=settings.network,
            unreadable=self._unreadable,
            now=world.now,
        )


@dataclass(frozen=True, slots=True)
class _QueueMetrics:
    """The queue's life as metrics."""

    metrics: Metrics

    def depth(self, keys: int) -> None:
        self.metrics.queue_depth.set(keys)

    def waited(self, seconds: float) -> None:
        self.metrics.queue_wait.observe(seconds)


@dataclass(frozen=True, slots=True)
class _RolloutMetrics:
    """Rollouts of a changed default image as metrics."""

    metrics: Metrics

    def rollouts(self, waiting: int, rolling: int, failed: int) -> None:
        for state, number in (("waiting", waiting), ("rolling", rolling), ("failed", failed)):
            self.metrics.rollouts.labels(state).set(number)
