"""How many Gateways have each condition, for metrics: no series names a tenant, so none outlives one."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from prometheus_client import Gauge

from tenantry_operator.kube.kinds import Key


@lru_cache(maxsize=1024)
def _shared(found: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """The same set for equal ones: most Gateways have the same conditions, which take 2 KiB."""
    return found


class Tally:
    """Counts conditions by type and status."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._counted: dict[Key, frozenset[tuple[str, str]]] = {}

    def count(self, gateway: Key, status: Mapping[str, Any]) -> None:
        """Take a Gateway's latest status."""
        found = frozenset((one["type"], one["status"]) for one in status.get("conditions") or ())
        before = self._counted.get(gateway, frozenset())
        for labels in before - found:
            self._gauge.labels(*labels).dec()
        for labels in found - before:
            self._gauge.labels(*labels).inc()
        self._counted[gateway] = _shared(found)

    def forget(self, gateway: Key) -> None:
        """A Gateway is gone."""
        for labels in self._counted.pop(gateway, frozenset()):
            self._gauge.labels(*labels).dec()
