"""Which keys the Secrets have that Gateways refer to, without keeping any value.

One metadata-only watch sees every Secret of the scope; kept are those with our label (to prune them) and those that a
Gateway refers to. A Secret's keys are read with a GET, once for each of its versions: a watch of whole Secrets would
hold every password of the cluster in memory, and a watch for each name costs 300 KiB.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tenantry_operator.kube.cache import Cache, Labels, Record, record_of
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import NotFoundError
from tenantry_operator.kube.kinds import SECRET, Json, Key, key_of


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
            # Something may have happened between the answer and now: then it is used once and not kept.
            if self._news[key] == news and key in self._users:
                self._known[key] = ABSENT
            return ABSENT
        return self.learn(live) if self._news[key] == news else self._take(live)

    def learn(self, live: Json) -> KnownSecret:
        """Keep what a whole Secret tells, as a GET or our own create returned it; its values are dropped here."""
        known = self._take(live)
        key, current = key_of(live), self.cache.get(key_of(live))
        if key in self._users and (current is None or current.version == known.version):
            self._known[key] = known
        return known

    def _take(self, live: Json) -> KnownSecret:
        keys = frozenset(name for name, value in (live.get("data") or {}).items() if value)
        bare = {"metadata": live["metadata"]}
        self.cache.put(bare, quiet=True)
        return KnownSecret(record_of(bare, self._names), keys)

    def _project(self, live: Json) -> Record | None:
        record = record_of(live, self._names, digest=live["metadata"]["resourceVersion"].encode())
        return record if record.gateway or record.key in self._users else None

    def _on_change(self, old: Record | None, new: Record | None) -> None:
        record = new or old
        if record is None:
            return
        key, users = record.key, self._users.get(record.key, set())
        if users:
            self._news[key] += 1
        known, current = self._known.get(key), self.cache.get(key)
        if known is not None and known.version != (current.version if current else 0):
            del self._known[key]
        labelled = {(key[0], each.gateway) for each in (old, new) if each is not None and each.gateway}
        for gateway in users | labelled:
            self._changed(gateway)
