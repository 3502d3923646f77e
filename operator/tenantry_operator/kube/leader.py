"""Leadership by a Lease: one replica acts, the others are ready to. What to do when is decided in ``election``.

The Lease is watched, so that a release is seen at once and nobody polls. Its requests have a client of their own: they
never wait for a connection that a thousand tenants' requests hold.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import aiohttp

from tenantry_operator.kube.cache import Cache, Labels, Record, record_of, version_of
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.election import Attempt, Claim, Election
from tenantry_operator.kube.errors import AlreadyExistsError, ApiError, ConflictError, ForbiddenError, NotFoundError
from tenantry_operator.kube.informer import Informer, Scope
from tenantry_operator.kube.kinds import EVENT, LEASE, Json, Key
from tenantry_operator.kube.leadership import NotLeaderError

log = logging.getLogger(__name__)

RELEASE_SECONDS = 2.0
"""How long the end of the process may wait for the Lease to be released."""
TOLD_EVERY = 30
"""Failed attempts between two messages about them: a minute, at two seconds each."""


class LeaderObserver(Protocol):
    """Told about leadership, for metrics."""

    def leading(self, leads: bool) -> None:
        """This process begins or ceases to act."""
        ...

    def transitions(self, count: int) -> None:
        """How often the Lease has changed hands, as the Lease itself says."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What leadership needs from outside."""

    client: Client
    """For the Lease alone."""
    clock: Callable[[], float]
    """Seconds that pass for this process, also while it or its machine is suspended."""
    now: Callable[[], datetime]
    """Wall clock: written into the Lease for people, read by nobody."""
    rand: Callable[[], float]
    new_name: Callable[[], str]
    """A suffix that makes an Event's name unique."""
    end: Callable[[str], None]
    """Ends the process at once, for the reason given."""
    renewed: Callable[[float], None]
    """Told for how many seconds the process may act, whenever that changes."""
    observer: LeaderObserver


class Leader:
    """Leadership by the Lease ``place``. Made inside a running event loop."""

    def __init__(self, place: Key, election: Election, means: Means) -> None:
        self._place = place
        self._election = election
        self._means = means
        self._news = asyncio.Event()
        self._failures = 0
        self._leads = False
        self._began: Callable[[], None] = _nothing
        self._task: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        cache = Cache(LEASE, _project, self._on_change)
        scope = Scope(namespace=place[0], fields=f"metadata.name={place[1]}")
        self._informer = Informer(means.client, cache, scope, clock=means.clock, rand=means.rand)

    def start(self, began: Callable[[], None]) -> list[asyncio.Task[None]]:
        """Watch the Lease and take part in the election; ``began`` is called when this process begins to act."""
        self._began = began
        self._means.observer.leading(False)
        watch = asyncio.create_task(self._informer.run(), name="informer of the Lease")
        self._task = asyncio.create_task(self._run(), name="election")
        return [watch, self._task]

    def fence(self) -> None:
        """Pass only while this process acts; a process that was stopped for longer than its term ends here.

        Raises:
            NotLeaderError: otherwise.
        """
        now = self._means.clock()
        if self._election.may_act(now):
            return
        self._end_if_lost(now)
        raise NotLeaderError("this process does not lead: it must not write")

    def unready(self) -> str:
        """What keeps this process from taking part, as a person would put it; empty if nothing does."""
        if self._informer.listed.is_set():
            return ""
        problem = self._informer.problem
        return f"{problem}{self._remedy(problem)}" if problem is not None else f"reading {self._name}"

    def stale(self, seconds: float) -> dict[str, float]:
        """The watch of the Lease, if it shows no sign of life for so long: seconds since."""
        return {self._informer.name: self._informer.age} if self._informer.age > seconds else {}

    async def resign(self, *, at_once: bool) -> None:
        """Act no more; ``at_once``: release the Lease, else the next one waits until it has run out."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        release = self._election.resign()
        self._means.observer.leading(False)
        if release is None:
            return
        if not at_once:
            log.warning("not releasing %s: a write may still be under way", self._name)
            return
        try:
            await self._release(release)
            log.info("released %s: the next replica may lead", self._name)
        except ApiError as error:
            log.warning("cannot release %s, it will run out: %s", self._name, error)

    async def close(self) -> None:
        """Close its connections."""
        await self._means.client.close()

    async def _release(self, release: Attempt) -> None:
        try:
            await self._send(release, "", RELEASE_SECONDS)
        except ConflictError:
            # A renewal was under way when we resigned, and was stored after all.
            claim = _claim(await self._means.client.get(LEASE, *self._place, limits=_within(RELEASE_SECONDS)))
            if claim.holder == self._election.me:
                await self._send(replace(release, replaces=claim.version), "", RELEASE_SECONDS)

    @property
    def _name(self) -> str:
        return f"the Lease {self._place[0]}/{self._place[1]}"

    async def _run(self) -> None:
        log.info("%s takes part in the election for %s", self._election.me, self._name)
        await self._informed()
        while True:
            self._news.clear()
            now = self._means.clock()
            self._end_if_lost(now)
            due = self._election.due()
            if due is not None and due <= now:
                await self._attempt(now)
            else:
                await self._wait(now, due)

    async def _informed(self) -> None:
        """Wait until the Lease, or that there is none, is known."""
        await self._informer.settled.wait()
        if self._informer.problem is not None:
            log.error("cannot watch %s: %s%s", self._name, self._informer.problem, self._remedy(self._informer.problem))
        await self._informer.listed.wait()
        if self._election.claim is None:
            self._election.saw(None, self._means.clock())

    async def _wait(self, now: float, due: float | None) -> None:
        """Until something is due or news comes, and never past the end of our term."""
        times = [time - now for time in (due, self._election.deadline()) if time is not None]
        try:
            async with asyncio.timeout(max(0.0, min(times)) if times else None):
                await self._news.wait()
        except TimeoutError:
            return

    async def _attempt(self, now: float) -> None:
        """One write to the Lease. What goes wrong with it is tried again when it is due."""
        election, terms = self._election, self._election.terms
        deadline = election.deadline()
        # Half the term at most: a connection that swallows everything must leave time for a fresh one.
        limit = min(terms.renew / 2, deadline - now if deadline is not None else terms.renew)
        attempt = election.begin(now)
        try:
            answer = await self._send(attempt, election.me, limit)
        except ApiError as error:
            await self._failed(error, limit)
            return
        self._failures = 0
        election.granted(attempt, _claim(answer), self._means.clock())
        self._after_grant()

    def _after_grant(self) -> None:
        now, deadline = self._means.clock(), self._election.deadline()
        if deadline is None or not self._election.may_act(now):
            return
        self._means.renewed(deadline - now)
        if self._leads:
            return
        self._leads = True
        self._means.observer.leading(True)
        log.info("%s leads: it holds %s", self._election.me, self._name)
        self._telling = asyncio.create_task(self._tell(), name="event of the Lease")
        self._began()

    async def _failed(self, error: ApiError, limit: float) -> None:
        """Learn from a failed attempt: after a conflict, or a Lease that is gone, how things stand now."""
        if self._failures % TOLD_EVERY == 0 and not isinstance(error, ConflictError | AlreadyExistsError):
            log.warning("cannot write %s, trying again: %s%s", self._name, error, self._remedy(error))
        self._failures += 1
        if isinstance(error, NotFoundError):
            self._election.saw(None, self._means.clock())
        elif isinstance(error, ConflictError | AlreadyExistsError):
            try:
                live = await self._means.client.get(LEASE, *self._place, limits=_within(limit))
            except ApiError as again:
                log.debug("cannot read %s: %s", self._name, again)
            else:
                self._election.saw(_claim(live), self._means.clock())

    def _remedy(self, error: ApiError) -> str:
        namespace, name = self._place
        if isinstance(error, ForbiddenError):
            return f". Fix: grant create of leases in {namespace}, and get, list, watch, patch of {name}"
        if isinstance(error, NotFoundError):
            return f". Fix: kubectl create namespace {namespace}, or name another with --namespace"
        return ""

    async def _send(self, attempt: Attempt, holder: str, limit: float) -> Json:
        """Write the Lease: only over the version that was seen, or only if there is none."""
        now = _micro_time(self._means.now())
        spec: dict[str, Any] = {
            "holderIdentity": holder,
            "leaseDurationSeconds": math.ceil(self._election.terms.lease) if holder else 1,
            "renewTime": now,
            "leaseTransitions": attempt.transitions,
        }
        if attempt.takes_over:
            spec["acquireTime"] = now
        client, limits = self._means.client, _within(limit)
        namespace, name = self._place
        if attempt.replaces is None:
            meta = {"namespace": namespace, "name": name}
            manifest = {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": meta, "spec": spec}
            return await client.create(LEASE, manifest, limits=limits)
        patch = {"metadata": {"resourceVersion": str(attempt.replaces)}, "spec": spec}
        return await client.merge_patch(LEASE, namespace, name, patch, limits=limits)

    def _end_if_lost(self, now: float) -> None:
        reason = self._election.lost(now)
        if reason is not None:
            self._means.observer.leading(False)
            self._means.end(f"{self._name} is lost: {reason}")
            raise NotLeaderError(reason)

    def _on_change(self, old: Record | None, new: Record | None) -> None:  # noqa: ARG002 - a listener is told both
        claim = new.view if new is not None else None
        now = self._means.clock()
        self._election.saw(claim if isinstance(claim, Claim) else None, now)
        if isinstance(claim, Claim):
            self._means.observer.transitions(claim.transitions)
        self._end_if_lost(now)
        self._news.set()

    async def _tell(self) -> None:
        """Post an Event that this process leads. Nothing depends on it."""
        namespace, name = self._place
        event = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {"namespace": namespace, "name": f"{name}.{self._means.new_name()}"},
            "eventTime": _micro_time(self._means.now()),
            "type": "Normal",
            "reason": "LeaderElected",
            "action": "Lead",
            "note": f"{self._election.me} leads",
            "reportingController": f"tenantry.dev/{self._means.client.manager}",
            "reportingInstance": self._election.me[:128],
            "regarding": {"apiVersion": LEASE.api_version, "kind": LEASE.name, "namespace": namespace, "name": name},
        }
        try:
            await self._means.client.create(EVENT, event)
        except ApiError as error:
            log.warning("cannot post an Event: %s", error)


def _claim(live: Mapping[str, Any]) -> Claim:
    """What a Lease says; others may have written it, so nothing is taken for granted."""
    spec = live.get("spec") or {}
    return Claim(
        version=version_of(live),
        holder=spec.get("holderIdentity") or "",
        duration=float(spec.get("leaseDurationSeconds") or 0),
        transitions=int(spec.get("leaseTransitions") or 0),
    )


def _project(live: Json) -> Record:
    return record_of(live, Labels("", ""), view=_claim(live))


def _nothing() -> None:
    """Nobody is told before the start."""


def _micro_time(now: datetime) -> str:
    """Time as Kubernetes writes it in Leases and Events: UTC, microseconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _within(seconds: float) -> aiohttp.ClientTimeout:
    """A limit that is kept to the millisecond: aiohttp rounds longer ones up to whole seconds."""
    return aiohttp.ClientTimeout(total=seconds, ceil_threshold=math.inf)
