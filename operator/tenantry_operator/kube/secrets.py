"""Which keys the Secrets have that Gateways refer to, without keeping any value.

Kept are besides those with our label, to prune them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tenantry_operator.kube.cache import Labels, Record
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.kinds import SECRET, Json, Key
from tenantry_operator.kube.references import References


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A Secret as last read. ``record`` and ``keys`` are None where there is none."""

    record: Record | None
    keys: frozenset[str] | None
    """Keys whose value is not empty."""
    view: object = None
    """What else is kept of it: no value of a secret."""

    @property
    def version(self) -> int:
        """resourceVersion; 0 where there is no Secret."""
        return self.record.version if self.record else 0


ABSENT = KnownSecret(None, None)


@lru_cache(maxsize=1024)
def _shared(keys: frozenset[str]) -> frozenset[str]:
    """The same set for equal ones: most tenants' Secrets have the same keys."""
    return keys


class Secrets(References[KnownSecret]):
    """Knowledge of the Secrets that Gateways refer to; ``changed`` is told which Gateway to look at."""

    def __init__(
        self,
        client: Client,
        names: Labels,
        changed: Callable[[Key], None],
        view: Callable[[Mapping[str, Any]], object] = lambda _live: None,
    ) -> None:
        super().__init__(SECRET, client, names, changed, ABSENT)
        self._view = view

    async def read_ours(self, manager: str, namespace: str | None = None) -> None:
        """Read those at once that an operator of this name has made, of one namespace or of all.

        What cannot be read so is read one by one, as what is not ours.

        Raises:
            ApiError: if they cannot be listed.
        """
        ours = f"{self._names.gateway},{self._names.managed_by}={manager}"
        async for page in self._client.list_pages(SECRET, selector=ours, namespace=namespace):
            for live in page.items:
                self.learn(live)

    def want(self, gateway: Key, names: Iterable[str]) -> None:
        """Say which Secrets of its namespace a Gateway refers to now; none to forget the Gateway."""
        self.refer(gateway, ((gateway[0], name) for name in names))

    def _learned(self, live: Json, record: Record) -> KnownSecret:
        """The values are dropped here."""
        keys = frozenset(name for name, value in (live.get("data") or {}).items() if value)
        return KnownSecret(record, _shared(keys), self._view(live))

    def _keeps(self, record: Record) -> bool:
        return bool(record.gateway) or super()._keeps(record)

    def _concerned(self, record: Record) -> set[Key]:
        labelled = {(record.key[0], record.gateway)} if record.gateway else set()
        return super()._concerned(record) | labelled
