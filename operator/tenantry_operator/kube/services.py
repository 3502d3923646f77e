"""The Services that base URLs name: of each its selector and ports, as a network policy needs them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tenantry_operator.api.v1alpha1.upstream import ServiceFacts, ServicePort
from tenantry_operator.kube.cache import Labels, Record
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.kinds import SERVICE, Json, Key
from tenantry_operator.kube.references import References


@dataclass(frozen=True, slots=True)
class KnownService:
    """A Service as last read. Both are None where there is none."""

    record: Record | None
    facts: ServiceFacts | None

    @property
    def version(self) -> int:
        """resourceVersion; 0 where there is no Service."""
        return self.record.version if self.record else 0


ABSENT = KnownService(None, None)


class Services(References[KnownService]):
    """Knowledge of the Services that Gateways refer to; ``changed`` is told which Gateway to look at."""

    def __init__(self, client: Client, names: Labels, changed: Callable[[Key], None]) -> None:
        super().__init__(SERVICE, client, names, changed, ABSENT)
        self.needed = asyncio.Event()
        """Set once a Gateway refers to a Service: until then nothing has to be watched."""

    def refer(self, gateway: Key, keys: Iterable[Key]) -> None:
        """Say to which Services a Gateway refers now; none to forget the Gateway."""
        wanted = frozenset(keys)
        super().refer(gateway, wanted)
        if wanted:
            self.needed.set()

    def _learned(self, live: Json, record: Record) -> KnownService:
        return KnownService(record, service_facts(live))


def service_facts(live: Json) -> ServiceFacts:
    """The facts of a live Service."""
    spec = live.get("spec") or {}
    return ServiceFacts(
        selector=dict(spec.get("selector") or {}),
        ports=tuple(_ports(spec)),
        headless=spec.get("clusterIP") == "None",
        alias=spec.get("type") == "ExternalName",
    )


def _ports(spec: Json) -> Iterator[ServicePort]:
    for port in spec.get("ports") or ():
        if port.get("protocol", "TCP") == "TCP":
            yield ServicePort(port["port"], port.get("targetPort") or port["port"])
