"""Which AgentBindings are in which configuration: pods report the hash of what they serve, and no more."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from tenantry_operator.conditions.observation import RouteId
from tenantry_operator.kube.kinds import Key

KEPT = 4
"""Latest configurations that are remembered though no pod is known to serve them: one may be about to."""


@dataclass(slots=True)
class Contents:
    """Remembers it for the configurations that pods may serve; after a restart of the operator, for the latest."""

    _known: dict[Key, dict[str, frozenset[RouteId]]] = field(default_factory=dict)

    def remember(self, gateway: Key, config_hash: str, routes: Iterable[RouteId], served: Collection[str]) -> None:
        """A configuration has just been rendered; ``served`` are the hashes that pods report.

        The same hash may stand for a route before and after a change that means nothing: both are in it.
        """
        known = self._known.setdefault(gateway, {})
        known[config_hash] = known.pop(config_hash, frozenset()) | frozenset(routes)
        for old in [each for each in tuple(known)[:-KEPT] if each not in served]:
            del known[old]

    def of(self, gateway: Key) -> Mapping[str, frozenset[RouteId]]:
        """The AgentBindings in each configuration of a Gateway, by its hash."""
        return self._known.get(gateway, {})

    def forget(self, gateway: Key) -> None:
        """The Gateway is gone."""
        self._known.pop(gateway, None)
