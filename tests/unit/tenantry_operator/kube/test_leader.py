import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tenantry_operator.kube.client import Client
from tenantry_operator.kube.election import Election, Terms
from tenantry_operator.kube.leader import Leader, Means
from tenantry_operator.kube.leadership import Alone, NotLeaderError
from tenantry_operator.metrics import Metrics
from tests.unit.tenantry_operator.kube.scripted import Credentials

TERMS = Terms(lease=30.0, renew=20.0, retry=0.05)
SHORT = Terms(lease=1.5, renew=1.0, retry=0.05)
LEASES = "/apis/coordination.k8s.io/v1/namespaces/system/leases"


@dataclass
class Leases:
    """One Lease as an API server keeps it: optimistic locking, a watch, and faults on request."""

    live: dict[str, Any] | None = None
    version: int = 10
    refuse: int = 0
    """A code to answer writes with."""
    swallow: bool = False
    """Whether writes are never answered."""
    events: list[dict[str, Any]] = field(default_factory=list)
    writes: list[dict[str, Any]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def put(self, spec: dict[str, Any] | None) -> None:
        """Store a spec, by whomever; None deletes."""
        async with self._changed:
            self.version += 1
            kind = "DELETED" if spec is None else "MODIFIED" if self.live else "ADDED"
            before = (self.live or {}).get("spec", {})
            meta = {"namespace": "system", "name": "op", "uid": "u", "resourceVersion": str(self.version)}
            live = {"metadata": meta, "spec": {**before, **(spec or {})}}
            self.live = None if spec is None else live
            self.events.append({"type": kind, "object": live})
            self._changed.notify_all()

    async def listed(self, request: web.Request) -> web.StreamResponse:
        assert request.query["fieldSelector"] == "metadata.name=op"
        if "watch" in request.query:
            return await self._watch(request)
        items = [self.live] if self.live else []
        return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        sent = 0
        while True:
            async with self._changed:
                while len(self.events) == sent:
                    await self._changed.wait()
                news = self.events[sent:]
            for event in news:
                if int(event["object"]["metadata"]["resourceVersion"]) > int(request.query["resourceVersion"]):
                    await response.write(web.json_response(event).body + b"\n")  # type: ignore[operator]
            sent += len(news)

    async def got(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.live)

    async def written(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if self.swallow:
            await asyncio.Event().wait()
        if self.refuse:
            return web.json_response({"code": self.refuse, "message": "no"}, status=self.refuse)
        version = self.live["metadata"]["resourceVersion"] if self.live else None
        if body["metadata"].get("resourceVersion") != version:
            return web.json_response({"code": 409, "reason": "Conflict", "message": "no"}, status=409)
        self.writes.append(body)
        await self.put(body["spec"])
        return web.json_response(self.live)

    @property
    def holder(self) -> str:
        return str((self.live or {}).get("spec", {}).get("holderIdentity"))


@dataclass
class Replica:
    """A participant, and what it told."""

    leases: Leases
    client: Client
    elections: Terms
    me: str = "me"
    skew: float = 0.0
    wall_clock: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    leads: list[bool] = field(default_factory=list)
    counted: int = 0
    terms: list[float] = field(default_factory=list)
    leader: Leader = field(init=False)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        means = Means(
            client=self.client,
            clock=lambda: loop.time() + self.skew,
            now=lambda: self.wall_clock,
            rand=lambda: 0.5,
            new_name=lambda: "x",
            end=self.ended.put_nowait,
            renewed=self.terms.append,
            observer=self,
        )
        self.leader = Leader(("system", "op"), Election(self.me, self.elections), means)

    def leading(self, leads: bool) -> None:
        self.leads.append(leads)

    def transitions(self, count: int) -> None:
        self.counted = count

    async def lead(self) -> None:
        self.tasks += self.leader.start(self.began.set)
        await asyncio.wait_for(self.began.wait(), 20)

    async def stopped(self) -> str:
        return await asyncio.wait_for(self.ended.get(), 20)


@asynccontextmanager
async def replica(spec: dict[str, Any] | None = None, terms: Terms = TERMS) -> AsyncIterator[Replica]:
    leases = Leases()
    if spec is not None:
        await leases.put(spec)
    app = web.Application()
    app.router.add_get(LEASES, leases.listed)
    app.router.add_post(LEASES, leases.written)
    app.router.add_get(f"{LEASES}/op", leases.got)
    app.router.add_patch(f"{LEASES}/op", leases.written)
    posted: list[dict[str, Any]] = []

    async def event(request: web.Request) -> web.Response:
        posted.append(await request.json())
        return web.json_response({})

    app.router.add_post("/apis/events.k8s.io/v1/namespaces/system/events", event)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.0)
    client = Client(
        Credentials(f"http://127.0.0.1:{server.port}"), Metrics(), manager="tenantry-operator", rand=lambda: 0.0
    )
    one = Replica(leases, client, terms)
    try:
        yield one
    finally:
        for task in one.tasks:
            task.cancel()
        await asyncio.gather(*one.tasks, return_exceptions=True)
        await client.close()
        await server.close()


async def seen(look: Any) -> None:
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - the server is not ours to signal from
            await asyncio.sleep(0.01)


async def test_it_takes_a_free_lease_and_renews_it() -> None:
    async with replica() as one:
        with pytest.raises(NotLeaderError):
            one.leader.fence()
        assert one.leader.unready() == "reading the Lease system/op"
        await one.lead()
        one.leader.fence()
        assert one.leader.unready() == ""

        await seen(lambda: len(one.leases.writes) >= 3)

        spec = one.leases.live["spec"] if one.leases.live else {}
        assert one.leads == [False, True]
        assert spec["holderIdentity"] == "me"
        assert spec["leaseDurationSeconds"] == 30
        assert spec["acquireTime"] == spec["renewTime"] == "2026-01-02T00:00:00.000000Z"
        assert all(0 < term <= TERMS.renew for term in one.terms)


async def test_a_released_lease_is_seen_by_the_watch_and_taken() -> None:
    async with replica({"holderIdentity": "other", "leaseDurationSeconds": 3600, "leaseTransitions": 4}) as one:
        one.tasks += one.leader.start(one.began.set)
        await seen(lambda: one.counted == 4)
        assert not one.began.is_set()

        await one.leases.put({"holderIdentity": ""})
        await asyncio.wait_for(one.began.wait(), 20)

        assert one.leases.holder == "me"
        await seen(lambda: one.counted == 5)


async def test_a_lease_that_somebody_else_takes_ends_the_process() -> None:
    async with replica() as one:
        await one.lead()

        await one.leases.put({"holderIdentity": "usurper"})

        assert await one.stopped() == "the Lease system/op is lost: it is held by usurper"
        with pytest.raises(NotLeaderError):
            one.leader.fence()
        assert one.leads[-1] is False


@pytest.mark.parametrize("fault", ["swallow", "refuse"])
async def test_a_lease_that_cannot_be_renewed_ends_the_process_whatever_becomes_of_the_requests(fault: str) -> None:
    async with replica(terms=SHORT) as one:
        await one.lead()

        setattr(one.leases, fault, 500)

        assert "could not be renewed for 1 s" in await one.stopped()
        with pytest.raises(NotLeaderError):
            one.leader.fence()


async def test_a_process_that_was_stopped_for_longer_than_its_term_ends_before_it_writes() -> None:
    async with replica() as one:
        await one.lead()

        one.skew = TERMS.renew  # Nothing else of it has run since.

        with pytest.raises(NotLeaderError):
            one.leader.fence()
        assert "could not be renewed" in one.ended.get_nowait()


@pytest.mark.parametrize("year", [1970, 2100])
async def test_a_wall_clock_that_jumps_changes_nothing(year: int) -> None:
    async with replica() as one:
        await one.lead()

        one.wall_clock = datetime(year, 1, 1, tzinfo=UTC)
        await seen(lambda: (one.leases.live or {})["spec"]["renewTime"].startswith(str(year)))

        one.leader.fence()
        assert one.ended.empty()
    async with replica({"holderIdentity": "", "renewTime": f"{year}-01-01T00:00:00.000000Z"}) as one:
        await one.lead()


async def test_a_conflict_is_answered_by_reading_the_lease_again() -> None:
    async with replica() as one:
        await one.lead()
        # Somebody else's edit that leaves the holder alone: the next renewal meets another version.
        await one.leases.put({"strategy": "x"})
        version = one.leases.version

        await seen(lambda: int((one.leases.live or {})["metadata"]["resourceVersion"]) > version + 1)

        one.leader.fence()


async def test_resigning_releases_the_lease_and_the_fence_is_closed() -> None:
    async with replica() as one:
        await one.lead()

        await one.leader.resign(at_once=True)

        assert one.leases.holder == ""
        assert one.leases.writes[-1]["spec"]["leaseDurationSeconds"] == 1
        assert one.leads[-1] is False
        assert one.ended.empty()
        with pytest.raises(NotLeaderError):
            one.leader.fence()


async def test_a_release_meets_a_renewal_that_was_stored_without_an_answer() -> None:
    async with replica() as one:
        await one.lead()
        for task in one.tasks:
            task.cancel()
        await asyncio.gather(*one.tasks, return_exceptions=True)
        await one.leases.put({"renewTime": "unheard"})

        await one.leader.resign(at_once=True)

        assert one.leases.holder == ""


async def test_with_writes_still_under_way_the_lease_is_left_to_run_out(caplog: pytest.LogCaptureFixture) -> None:
    async with replica() as one:
        await one.lead()

        with caplog.at_level(logging.WARNING):
            await one.leader.resign(at_once=False)

        assert one.leases.holder == "me"
        assert "a write may still be under way" in caplog.text


async def test_what_keeps_it_from_the_lease_is_said_with_a_remedy(caplog: pytest.LogCaptureFixture) -> None:
    async with replica() as one:
        one.leases.refuse = 403
        with caplog.at_level(logging.WARNING):
            one.tasks += one.leader.start(one.began.set)
            await seen(lambda: "Fix: grant create of leases in system" in caplog.text)

        one.leases.refuse = 0
        await asyncio.wait_for(one.began.wait(), 20)


async def test_alone_it_always_leads() -> None:
    began = asyncio.Event()
    alone = Alone()

    assert alone.start(began.set) == []

    assert began.is_set()
    alone.fence()
    assert alone.stale(0.0) == {}
    assert alone.unready() == ""
    await alone.resign(at_once=True)
    await alone.close()
