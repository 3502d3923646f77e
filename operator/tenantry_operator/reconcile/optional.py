"""The kinds whose API may be absent, arrive later or vanish: each has informers while it is served.

What is served is asked once at the start, and after that only while some Gateway wants what is not: nothing polls
while everything is fine. When an API arrives, or goes, the Gateways that want it are looked at again.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from tenantry_operator.kube.cache import Cache
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.discovery import served
from tenantry_operator.kube.errors import ApiError, ForbiddenError
from tenantry_operator.kube.informer import Informer
from tenantry_operator.kube.kinds import Key, Kind

log = logging.getLogger(__name__)

LOOK_SECONDS = 20.0
"""Between two questions for an API that a Gateway wants and that is absent; differs by a quarter each way."""
FIRST_LOOK_SECONDS = 2.0
FIRST_LOOKS = 5
"""So often the API server is asked before anything is decided; what it has not told then counts as absent."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the optional kinds need from outside."""

    client: Client
    caches: Mapping[Kind, Cache]
    informers: Callable[[Kind, Callable[[], None]], Sequence[Informer]]
    """Makes the informers of a kind into its cache: one, or one for each namespace. They call back when it becomes
    readable or unreadable."""
    wake: Callable[[Key], None]
    """Told which Gateway to look at."""
    rand: Callable[[], float]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class OptionalKinds:
    """What is known of them."""

    def __init__(self, wiring: Wiring) -> None:
        self.caches = wiring.caches
        self._wiring = wiring
        self._running: dict[Kind, Sequence[Informer]] = {}
        self._wanted: dict[Key, frozenset[Kind]] = {}
        self._wanting: dict[Kind, set[Key]] = {kind: set() for kind in wiring.caches}
        self._unasked = set(wiring.caches)
        self._asked = asyncio.Event()
        self._lacking = asyncio.Event()
        """Set while there is something to ask for."""

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(FIRST_LOOKS):
                await self._look(group)
                if not self._unasked:
                    break
                await self._wiring.pause(FIRST_LOOK_SECONDS)
            self._asked.set()
            while True:
                self._note_lacking()
                await self._lacking.wait()
                await self._look(group)
                await self._wiring.pause(LOOK_SECONDS * (0.75 + self._wiring.rand() / 2))

    async def settled(self) -> None:
        """Wait until it is known what is served, and that is listed or known not to be readable."""
        await self._asked.wait()
        for informer in self.informers():
            await informer.settled.wait()

    def informers(self) -> Iterator[Informer]:
        """Those that run."""
        for informers in tuple(self._running.values()):
            yield from informers

    def want(self, gateway: Key, kinds: Collection[Kind]) -> None:
        """Say which of these kinds a Gateway wants now; none to forget it."""
        before, now = self._wanted.pop(gateway, frozenset()), frozenset(kinds)
        if now:
            self._wanted[gateway] = now
        for kind in before - now:
            self._wanting[kind].discard(gateway)
        for kind in now - before:
            self._wanting[kind].add(gateway)
        self._note_lacking()

    def is_served(self, kind: Kind) -> bool:
        """Whether the API server had the kind when it was last asked."""
        return kind in self._running

    def is_known(self, kind: Kind, namespace: str) -> bool:
        """Whether the cache of a kind holds what there is in a namespace."""
        return any(informer.known for informer in self._of(kind, namespace))

    def refusal(self, kind: Kind, namespace: str) -> ForbiddenError | None:
        """Why a kind that is served cannot be read in a namespace, if it cannot."""
        return next((each.problem for each in self._of(kind, namespace) if each.problem), None)

    def _of(self, kind: Kind, namespace: str) -> Iterator[Informer]:
        informers = self._running.get(kind, ())
        return (each for each in informers if each.scope.namespace in {None, namespace})

    def _lacks(self, kind: Kind) -> bool:
        """Whether the API server should be asked for a kind."""
        return kind not in self._running and (kind in self._unasked or bool(self._wanting[kind]))

    def _note_lacking(self) -> None:
        if any(map(self._lacks, self.caches)):
            self._lacking.set()
        else:
            self._lacking.clear()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Ask for what is lacking, and begin to watch what is served."""
        lacking = sorted(filter(self._lacks, self.caches), key=lambda kind: kind.root)
        for root, kinds in groupby(lacking, lambda kind: kind.root):
            asked = set(kinds)
            try:
                found = await served(self._wiring.client, asked)
            except ApiError as error:
                log.warning("cannot ask what %s serves: %s", root, error)
                continue
            self._unasked -= asked
            for kind in found:
                log.info("%s of %s is served", kind.plural, root)
                self._running[kind] = self._wiring.informers(kind, partial(self._wake, kind))
                group.create_task(self._follow(kind), name=f"informers of {kind.plural}")

    async def _follow(self, kind: Kind) -> None:
        """Run the informers of a kind until its API is gone."""
        try:
            async with asyncio.TaskGroup() as group:
                for informer in self._running[kind]:
                    group.create_task(_until_absent(informer), name=f"informer of {informer.name}")
        except* _Absent:
            log.info("%s of %s is no longer served", kind.plural, kind.root)
        del self._running[kind]
        cache = self.caches[kind]
        cache.retain(cache.sweep(), sys.maxsize)
        self._note_lacking()
        self._wake(kind)

    def _wake(self, kind: Kind) -> None:
        for gateway in self._wanting[kind]:
            self._wiring.wake(gateway)


class _Absent(Exception):
    """Ends the informers of a kind together."""


async def _until_absent(informer: Informer) -> None:
    await informer.run_while_served()
    raise _Absent
