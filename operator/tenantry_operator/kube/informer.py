"""Keeps a cache true: lists a kind, then watches it, for ever.

A watch that ends, breaks or falls silent is taken up where it ended; one that is told 410, or any other error in its
stream, lists again. What the API server forbids is kept in ``problem`` for the status, and tried
again: permissions come and go.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from tenantry_operator.kube.cache import Cache, version_of
from tenantry_operator.kube.client import Client, WatchEvent, error_of
from tenantry_operator.kube.errors import (
    ApiError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    SilentWatchError,
    TooManyRequestsError,
    UnavailableError,
)
from tenantry_operator.kube.kinds import key_of

log = logging.getLogger(__name__)

WATCH_SECONDS = 300
"""Shortest time after which the server ends a watch; the longest is twice as much, so that not all end at once."""
MAX_BACKOFF = 10.0
FIRST_BACKOFF = 0.2
RESUME_ATTEMPTS = 5
"""After so many failures in a row to take up a watch where it ended, it starts with a list again."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects of a kind an informer sees."""

    selector: str = ""
    """Of labels."""
    fields: str = ""
    """Field selector."""
    namespace: str | None = None
    """None: of all namespaces."""
    metadata_only: bool = False
    optional: bool = False
    """Whether the operator does without: the API may be absent (404) or not granted (403), and that is no problem."""


class Informer:
    """List and watch of one kind into one cache."""

    def __init__(
        self,
        client: Client,
        cache: Cache,
        scope: Scope,
        *,
        clock: Callable[[], float],
        rand: Callable[[], float],
        access_changed: Callable[[], None] = lambda: None,
    ) -> None:
        """``access_changed`` is called whenever ``known`` or whether there is a ``problem`` changes."""
        self.cache = cache
        self.scope = scope
        self.problem: ForbiddenError | None = None
        """Why the kind cannot be read at all, while it cannot."""
        self.known = False
        """Whether the cache holds what there is: False until the first list, and while the kind cannot be read."""
        self.settled = asyncio.Event()
        """Set once the first list is complete, or known to be impossible; an optional kind must not be waited for."""
        self.listed = asyncio.Event()
        """Set once the first list is complete."""
        self._client = client
        self._clock = clock
        self._rand = rand
        self._access_changed = access_changed
        self._alive: float | None = None
        """When there was a sign of life; None before the start."""
        self._version = ""
        self._failures = 0

    @property
    def name(self) -> str:
        """What is watched, for people."""
        plural, namespace = self.cache.kind.plural, self.scope.namespace
        return f"{plural} in {namespace}" if namespace else plural

    @property
    def age(self) -> float:
        """Seconds since the last sign of life: an event, a bookmark, an answer or a refusal."""
        return 0.0 if self._alive is None else self._clock() - self._alive

    async def run(self) -> None:
        """Run until cancelled."""
        self._alive = self._clock()
        while True:
            if await self._attempt():
                await asyncio.sleep(self._backoff())

    async def run_while_served(self) -> None:
        """Run until cancelled, or until the API server says that it does not serve the kind (any more)."""
        self._alive = self._clock()
        while not isinstance(error := await self._attempt(), NotFoundError):
            if error:
                await asyncio.sleep(self._backoff())

    async def _attempt(self) -> ApiError | None:
        """List if needed, and watch for a while; an error is noted and returned."""
        try:
            await self._follow()
        except SilentWatchError as error:
            # Where etcd tells the API server of no progress, a watch of what never changes gets no bookmarks.
            log.debug("watching %s: %s", self.name, error)
            self._alive = self._clock()
        except ApiError as error:
            self._failures += 1
            self._note(error)
            return error
        return None

    async def _follow(self) -> None:
        """List if needed, then one watch to its end."""
        if not self._version:
            await self._list()
        kind = self.cache.kind
        seconds = int(WATCH_SECONDS * (1 + self._rand()))
        self._alive = self._clock()
        async for event in self._client.watch(
            kind,
            self._version,
            seconds,
            selector=self.scope.selector,
            fields=self.scope.fields,
            namespace=self.scope.namespace,
            metadata_only=self.scope.metadata_only,
        ):
            self._take(event)
            self._alive = self._clock()
            self._failures = 0
        self._alive = self._clock()

    async def _list(self) -> None:
        swept = self.cache.sweep()
        shown = 0
        version = ""
        pages = self._client.list_pages(
            self.cache.kind,
            selector=self.scope.selector,
            fields=self.scope.fields,
            namespace=self.scope.namespace,
            metadata_only=self.scope.metadata_only,
        )
        async for page in pages:
            self._alive = self._clock()
            version = page.version
            for item in page.items:
                swept.see(key_of(item))
                self.cache.put(item)
                shown += 1
        self.cache.retain(swept, int(version), self.scope.namespace)
        self._version = version
        self.listed.set()
        self._failures = 0
        self._be(known=True, problem=None)
        self.settled.set()
        log.debug("listed %s: %d seen, %d kept of all", self.name, shown, len(self.cache))

    def _take(self, event: WatchEvent) -> None:
        """Apply one event to the cache.

        Raises:
            ApiError: for an ERROR event.
        """
        match event.type:
            case "ADDED" | "MODIFIED":
                self.cache.put(event.object)
            case "DELETED":
                self.cache.deleted(event.object)
            case "BOOKMARK":
                pass
            case "ERROR":
                raise error_of(event)
            case other:
                log.warning("ignoring a watch event of unknown type %r", other)
                return
        self._version = str(version_of(event.object))

    def _note(self, error: ApiError) -> None:
        """Decide what a failure means for the next attempt; say so the first time."""
        self._alive = self._clock()
        cut_off = isinstance(error, UnavailableError) and not error.code
        if not (cut_off or isinstance(error, TooManyRequestsError)) or self._failures > RESUME_ATTEMPTS:
            self._version = ""
        missing = self.scope.optional and isinstance(error, ForbiddenError | NotFoundError)
        if isinstance(error, ForbiddenError):
            self._be(known=False, problem=error)
        elif missing:
            self._be(known=False, problem=None)
        if missing or isinstance(error, ForbiddenError) or (self.scope.optional and error.code >= 500):
            self.settled.set()
        routine = missing or self._failures > 1 or isinstance(error, GoneError)
        log.log(logging.DEBUG if routine else logging.WARNING, "watching %s: %s", self.name, error)

    def _be(self, *, known: bool, problem: ForbiddenError | None) -> None:
        news = (known, bool(problem)) != (self.known, bool(self.problem))
        self.known, self.problem = known, problem
        if news:
            self._access_changed()

    def _backoff(self) -> float:
        exponent = min(self._failures - 1, 16)
        return min(MAX_BACKOFF, FIRST_BACKOFF * 2.0**exponent) * (0.5 + self._rand() / 2)
