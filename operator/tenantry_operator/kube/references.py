"""What is known of the objects of one kind that Gateways refer to.

One metadata-only watch sees every object of the scope; kept are those that somebody asks for. An object is read with a
GET, once for each of its versions: a watch of whole objects would hold all of them in memory, and a watch for each
name costs 300 KiB.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from tenantry_operator.kube.cache import Cache, Labels, Record, record_of
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import NotFoundError
from tenantry_operator.kube.kinds import Json, Key, Kind, key_of


class Known(Protocol):
    """An object as last read, or the fact that there is none."""

    @property
    def version(self) -> int:
        """resourceVersion; 0 where there is no object."""


K = TypeVar("K", bound=Known)


class References(ABC, Generic[K]):
    """Knowledge of the objects that Gateways refer to; ``changed`` is told which Gateway to look at."""

    def __init__(self, kind: Kind, client: Client, names: Labels, changed: Callable[[Key], None], absent: K) -> None:
        self.cache = Cache(kind, self._project, self._on_change)
        self._client = client
        self._names = names
        self._changed = changed
        self._absent = absent
        self._users: dict[Key, set[Key]] = {}
        self._wanted: dict[Key, frozenset[Key]] = {}
        self._known: dict[Key, K] = {}
        self._news: Counter[Key] = Counter()

    def refer(self, gateway: Key, keys: Iterable[Key]) -> None:
        """Say to which objects a Gateway refers now; none to forget the Gateway."""
        wanted = frozenset(keys)
        before = self._wanted.get(gateway, frozenset())
        for key in before - wanted:
            self._users[key].discard(gateway)
            if not self._users[key]:
                del self._users[key]
                self._known.pop(key, None)
                self._news.pop(key, None)
        for key in wanted - before:
            self._users.setdefault(key, set()).add(gateway)
        if wanted:
            self._wanted[gateway] = wanted
        else:
            self._wanted.pop(gateway, None)

    async def read(self, key: Key) -> K:
        """What is known of an object referred to; one GET after each change, else no request.

        Raises:
            ApiError: if it cannot be read.
        """
        known = self._known.get(key)
        if known is not None:
            return known
        news = self._news[key]
        try:
            live = await self._client.get(self.cache.kind, *key)
        except NotFoundError:
            # Something may have happened between the answer and now: then it is used once and not kept.
            if self._news[key] == news and key in self._users:
                self._known[key] = self._absent
            return self._absent
        return self.learn(live) if self._news[key] == news else self._take(live)

    def learn(self, live: Json) -> K:
        """Keep what a whole object tells, as a GET, a list or our own create returned it."""
        known = self._take(live)
        current = self.cache.get(key_of(live))
        if current is not None and current.version == known.version:
            self._known[key_of(live)] = known
        return known

    def doubt(self, key: Key) -> None:
        """Read an object anew at the next look: it is known to have changed, though its watch has not told."""
        self._known.pop(key, None)

    @abstractmethod
    def _learned(self, live: Json, record: Record) -> K:
        """What a whole object tells."""

    def _keeps(self, record: Record) -> bool:
        """Whether an object's record is kept."""
        return record.key in self._users

    def _concerned(self, record: Record) -> set[Key]:
        """The Gateways to look at when an object changes."""
        return self._users.get(record.key, set())

    def _take(self, live: Json) -> K:
        bare = {"metadata": live["metadata"]}
        self.cache.put(bare, quiet=True)
        return self._learned(live, record_of(bare, self._names))

    def _project(self, live: Json) -> Record | None:
        record = record_of(live, self._names, digest=live["metadata"]["resourceVersion"].encode())
        return record if self._keeps(record) else None

    def _on_change(self, old: Record | None, new: Record | None) -> None:
        records = [record for record in (old, new) if record is not None]
        key = records[0].key
        if key in self._users:
            self._news[key] += 1
        known, current = self._known.get(key), self.cache.get(key)
        if known is not None and known.version != (current.version if current else 0):
            del self._known[key]
        for gateway in {each for record in records for each in self._concerned(record)}:
            self._changed(gateway)
