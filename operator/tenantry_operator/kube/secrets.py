"""Which keys the Secrets have that Gateways refer to, without keeping any value.

One metadata-only watch sees every Secret of the scope; kept are those with our label (to prune them) and those that a
Gateway refers to. A Secret's keys are read with a GET, once for each of its versions: a watch of whole Secrets would
hold every password of the cluster in memory, and a watch for each name costs 300 KiB.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tenantry_operator.kube.cache import Cache, Labels, Record, record_of, version_of
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import NotFoundError
from tenantry_operator.kube.kinds import SECRET, Json, Key


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A Secret as last read. ``record`` and ``keys`` are None where there is none."""

    record: Record | None
    keys: frozenset[str] | None
    """Keys whose value is not empty."""

    @property
    def version(self) -> int:
        """resourceVersion; 0 where there is no Secret."""
        return self.record.version if self.record else 0


ABSENT = KnownSecret(None, None)


class Secrets:
    """Knowledge of the Secrets that Gateways refer to; ``changed`` is told which Gateway to look at."""

    def __init__(self, client: Client, names: Labels, changed: Callable[[Key], None]) -> None:
        self.cache = Cache(SECRET, self._project, self._on_change)
        self._client = client
        self._names = names
        self._changed = changed
        self._users: dict[Key, set[Key]] = {}
        self._wanted: dict[Key, frozenset[Key]] = {}
        self._known: dict[Key, KnownSecret] = {}
        self._news: Counter[Key] = Counter()

    def want(self, gateway: Key, names: Iterable[str]) -> None:
        """Say which Secrets of its namespace a Gateway refers to now; none to forget the Gateway."""
        wanted = frozenset((gateway[0], name) for name in names)
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

    async def read(self, key: Key) -> KnownSecret:
        """What is known of a wanted Secret; one GET after each change, else no request.

        Raises:
            ApiError: if it cannot be read.
        """
        known = self._known.get(key)
        if known is not None:
            return known
        news = self._news[key]
        try:
            live = await self._client.get(SECRET, *key)
        except NotFoundError:
            known = ABSENT
        else:
            known = self.learn(live)
        # Something may have happened between the read and now: then this answer is used once and not kept.
        if self._news[key] == news and key in self._users:
            self._known[key] = known
        return known

    def learn(self, live: Json) -> KnownSecret:
        """Take a whole Secret, as a GET or our own create returned it; its values are dropped here."""
        keys = frozenset(name for name, value in (live.get("data") or {}).items() if value)
        record = self.cache.put(_without_values(live), quiet=True)
        if record is None or record.version != version_of(live):
            record = record_of(live, self._names)
        known = KnownSecret(record, keys)
        if record.key in self._users:
            self._known[record.key] = known
        return known

    def _project(self, live: Json) -> Record | None:
        record = record_of(live, self._names, digest=live["metadata"]["resourceVersion"].encode())
        return record if record.gateway or record.key in self._users else None

    def _on_change(self, old: Record | None, new: Record | None) -> None:
        for record in filter(None, (old, new)):
            self._learn_of(record)

    def _learn_of(self, record: Record) -> None:
        if record.key in self._users:
            self._news[record.key] += 1
        known, current = self._known.get(record.key), self.cache.get(record.key)
        if known is not None and known.version != (current.version if current else 0):
            del self._known[record.key]
        for gateway in self._users.get(record.key, ()):
            self._changed(gateway)
        if record.gateway:
            self._changed((record.key[0], record.gateway))


def _without_values(live: Json) -> Json:
    return {"metadata": live["metadata"]}
