import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tenantry_operator.kube import informer as informer_module
from tenantry_operator.kube.cache import Cache, Labels, Record, record_of
from tenantry_operator.kube.client import Client, WatchEvent
from tenantry_operator.kube.errors import ApiError, from_status
from tenantry_operator.kube.informer import Informer, Scope
from tenantry_operator.kube.kinds import HTTP_ROUTE, OPTIONAL_KINDS, PROMETHEUS_RULE, SERVICE_MONITOR, Key, Kind
from tenantry_operator.kube.page import Page
from tenantry_operator.reconcile.optional import OptionalKinds, Wiring

NAMES = Labels("g", "m")
A, B = ("ns", "a"), ("ns", "b")
EVERYTHING = frozenset(OPTIONAL_KINDS)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer_module, "FIRST_BACKOFF", 0.001)


class Server(Client):
    """An API server that serves what a test says; its watches end when that changes."""

    def __init__(self, serves: frozenset[Kind]) -> None:
        self.serves = serves
        self.objects: dict[Kind, list[dict[str, Any]]] = {}
        self.refuses: dict[Kind, ApiError] = {}
        self.broken: ApiError | None = None
        self.looks: list[str] = []
        self._changed = asyncio.Event()

    def now_serves(self, kinds: frozenset[Kind]) -> None:
        self.serves = kinds
        self._changed.set()
        self._changed = asyncio.Event()

    async def get_path(self, path: str) -> dict[str, Any]:
        self.looks.append(path)
        if self.broken:
            raise self.broken
        found = [kind.plural for kind in self.serves if kind.root == path]
        if not found:
            raise from_status(404, {})
        return {"resources": [{"name": plural} for plural in found]}

    async def list_pages(self, kind: Kind, **_: Any) -> AsyncIterator[Page]:
        self._check(kind)
        yield Page(iter(self.objects.get(kind, [])), "5", "")

    async def watch(self, kind: Kind, *_: Any, **__: Any) -> AsyncIterator[WatchEvent]:
        self._check(kind)
        await self._changed.wait()
        none: tuple[WatchEvent, ...] = ()
        for event in none:
            yield event

    def _check(self, kind: Kind) -> None:
        if kind not in self.serves:
            raise from_status(404, {})
        if kind in self.refuses:
            raise self.refuses[kind]


class Pauses:
    """Pauses that last until a test ends them, or no time at all."""

    def __init__(self) -> None:
        self.none_at_all = False
        self._pending: list[asyncio.Event] = []

    def __len__(self) -> int:
        return len(self._pending)

    async def __call__(self, _: float) -> None:
        if self.none_at_all:
            await asyncio.sleep(0)
            return
        end = asyncio.Event()
        self._pending.append(end)
        await end.wait()

    async def end(self) -> None:
        """End the one that is pending, and let everything happen that follows."""
        self._pending.pop().set()
        await idle()


class Running:
    """The optional kinds on a server of the test's own."""

    def __init__(self, server: Server, namespaces: Sequence[str | None]) -> None:
        self.server = server
        self.pauses = Pauses()
        self.woken: asyncio.Queue[Key] = asyncio.Queue()
        caches: Mapping[Kind, Cache] = {kind: Cache(kind, project, lambda *_: None) for kind in OPTIONAL_KINDS}

        def informers(kind: Kind, changed: Callable[[], None]) -> list[Informer]:
            scopes = [Scope(namespace=namespace, optional=True) for namespace in namespaces]
            return [
                Informer(server, caches[kind], scope, clock=lambda: 0, rand=lambda: 0, access_changed=changed)
                for scope in scopes
            ]

        self.kinds = OptionalKinds(Wiring(server, caches, informers, self.woken.put_nowait, lambda: 0.5, self.pauses))

    async def next_woken(self) -> Key:
        async with asyncio.timeout(10):
            return await self.woken.get()

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            await self.kinds.settled()
        await idle()


async def idle() -> None:
    """Let everything happen that needs no time."""
    for _ in range(100):
        await asyncio.sleep(0)


def item(name: str) -> dict[str, Any]:
    meta = {"namespace": "ns", "name": name, "uid": f"u-{name}", "resourceVersion": "3", "labels": {"g": "a"}}
    return {"metadata": meta}


def project(live: dict[str, Any]) -> Record:
    return record_of(live, NAMES, digest=b"x")


@asynccontextmanager
async def running(
    serves: frozenset[Kind] = EVERYTHING, namespaces: Sequence[str | None] = (None,)
) -> AsyncIterator[Running]:
    run = Running(Server(serves), namespaces)
    task = asyncio.create_task(run.kinds.run())
    try:
        yield run
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_served_is_asked_once_and_listed() -> None:
    async with running() as run:
        run.server.objects[HTTP_ROUTE] = [item("x")]
        await run.settled()

        assert all(run.kinds.is_served(kind) and run.kinds.is_known(kind, "ns") for kind in OPTIONAL_KINDS)
        assert len(run.kinds.caches[HTTP_ROUTE]) == 1
        assert sorted(run.server.looks) == sorted({kind.root for kind in OPTIONAL_KINDS})


async def test_nobody_asks_again_for_an_api_that_nobody_wants() -> None:
    async with running(EVERYTHING - {HTTP_ROUTE}) as run:
        await run.settled()
        run.server.looks.clear()
        run.kinds.want(A, {SERVICE_MONITOR})
        await idle()

        assert run.server.looks == []
        assert len(run.pauses) == 0


async def test_an_api_that_somebody_wants_is_found_when_it_arrives_and_then_no_more_asked_for() -> None:
    async with running(EVERYTHING - {HTTP_ROUTE}) as run:
        await run.settled()
        run.server.looks.clear()
        run.kinds.want(A, {HTTP_ROUTE, SERVICE_MONITOR})
        await idle()
        await run.pauses.end()
        assert run.server.looks == [HTTP_ROUTE.root] * 2
        assert run.woken.empty()

        run.server.now_serves(EVERYTHING)
        await run.pauses.end()
        assert await run.next_woken() == A
        assert run.kinds.is_known(HTTP_ROUTE, "ns")
        await run.pauses.end()
        run.kinds.want(B, {HTTP_ROUTE})
        await idle()
        assert run.server.looks == [HTTP_ROUTE.root] * 3
        assert len(run.pauses) == 0


async def test_the_search_ends_when_nobody_wants_the_api_any_more() -> None:
    async with running(EVERYTHING - {HTTP_ROUTE}) as run:
        await run.settled()
        run.kinds.want(A, {HTTP_ROUTE})
        run.kinds.want(B, {HTTP_ROUTE})
        await idle()
        run.server.looks.clear()
        run.kinds.want(A, ())
        await run.pauses.end()
        assert run.server.looks == [HTTP_ROUTE.root]

        run.kinds.want(B, {SERVICE_MONITOR})
        await run.pauses.end()
        assert run.server.looks == [HTTP_ROUTE.root]
        assert len(run.pauses) == 0


async def test_an_api_that_vanishes_leaves_nothing_behind_and_is_searched_for() -> None:
    async with running() as run:
        run.server.objects[HTTP_ROUTE] = [item("x")]
        await run.settled()
        run.kinds.want(A, {HTTP_ROUTE})
        run.server.now_serves(EVERYTHING - {HTTP_ROUTE})
        assert await run.next_woken() == A
        await idle()

        assert not run.kinds.is_served(HTTP_ROUTE)
        assert len(run.kinds.caches[HTTP_ROUTE]) == 0
        assert run.kinds.is_served(SERVICE_MONITOR)
        assert HTTP_ROUTE.plural not in {informer.name for informer in run.kinds.informers()}

        run.server.now_serves(EVERYTHING)
        await run.pauses.end()
        assert run.kinds.is_known(HTTP_ROUTE, "ns")
        assert len(run.kinds.caches[HTTP_ROUTE]) == 1


async def test_an_api_that_is_served_but_answers_404_is_asked_for_at_intervals_only() -> None:
    async with running(EVERYTHING - {HTTP_ROUTE}) as run:
        await run.settled()
        run.server.looks.clear()
        run.server.refuses[HTTP_ROUTE] = from_status(404, {})
        run.server.now_serves(EVERYTHING)
        run.kinds.want(A, {HTTP_ROUTE})
        await idle()

        assert run.server.looks == [HTTP_ROUTE.root]
        assert not run.kinds.is_served(HTTP_ROUTE)
        assert len(run.pauses) == 1


async def test_a_kind_that_may_not_be_read_is_served_and_says_why() -> None:
    async with running() as run:
        run.server.refuses[HTTP_ROUTE] = from_status(403, {"message": "no"})
        await run.settled()
        run.kinds.want(A, {HTTP_ROUTE})

        assert run.kinds.is_served(HTTP_ROUTE)
        assert not run.kinds.is_known(HTTP_ROUTE, "ns")
        refusal = run.kinds.refusal(HTTP_ROUTE, "ns")
        assert refusal is not None
        assert refusal.message == "no"
        assert run.kinds.refusal(SERVICE_MONITOR, "ns") is None

        run.server.refuses.clear()
        assert await run.next_woken() == A
        assert run.kinds.is_known(HTTP_ROUTE, "ns")


async def test_a_kind_that_fails_to_be_read_holds_up_nothing() -> None:
    async with running() as run:
        run.server.refuses[PROMETHEUS_RULE] = from_status(500, {"message": "conversion webhook"})
        await run.settled()

        assert run.kinds.is_served(PROMETHEUS_RULE)
        assert not run.kinds.is_known(PROMETHEUS_RULE, "ns")
        assert run.kinds.refusal(PROMETHEUS_RULE, "ns") is None


async def test_an_api_server_that_does_not_tell_what_it_serves_holds_up_the_start_for_a_moment_only() -> None:
    async with running() as run:
        run.pauses.none_at_all = True
        run.server.broken = from_status(503, {})
        await run.settled()
        run.pauses.none_at_all = False
        assert not any(map(run.kinds.is_served, OPTIONAL_KINDS))

        run.server.broken = None
        await idle()
        await run.pauses.end()
        assert all(map(run.kinds.is_served, OPTIONAL_KINDS))


async def test_each_namespace_counts_for_itself() -> None:
    async with running(namespaces=("ns", "other")) as run:
        await run.settled()

        assert run.kinds.is_known(HTTP_ROUTE, "other")
        assert not run.kinds.is_known(HTTP_ROUTE, "third")
