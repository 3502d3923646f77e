"""Lists of our own kinds: once before the work begins, whenever kopf begins to watch anew, and from time to time.

Before: a Gateway whose bindings are not known yet would lose its routes. Anew: what has changed while nothing was
watched. From time to time: should an event get lost, whoever loses it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import ForbiddenError, GoneError
from tenantry_operator.kube.kinds import Key, Kind, key_of
from tenantry_operator.reconcile.store import Objects


@dataclass(slots=True)
class Lister:
    """Lists one kind into the store, of one namespace or of all."""

    client: Client
    kind: Kind
    objects: Objects[Gateway] | Objects[AgentBinding]
    changed: Callable[[Key], None]
    """Told which Gateway to look at."""
    namespace: str | None = None
    """None: all namespaces."""
    problem: ForbiddenError | None = None
    """Why nothing is known of a namespace: it may not be listed, or does not exist, and never was listed."""
    due: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is time to list."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after the first list, or once it is known that this one namespace of several cannot be listed."""

    @property
    def name(self) -> str:
        """What is listed, for people."""
        return f"{self.kind.plural} in {self.namespace}" if self.namespace else self.kind.plural

    async def refresh(self) -> None:
        """Make the store as the cluster is.

        Raises:
            ApiError: if the list cannot be read; what was read of it counts.
        """
        try:
            await self._list()
        except GoneError:
            await self._list()  # The continue token expired half-way: once more from the start.
        except ForbiddenError as error:
            # A service account with Roles alone is told the same of a namespace that does not exist.
            if self.namespace and not self.settled.is_set():
                self.problem = error
                self.settled.set()
            raise
        self.problem = None
        self.settled.set()

    async def _list(self) -> None:
        swept = self.objects.sweep()
        version = ""
        async for page in self.client.list_pages(self.kind, namespace=self.namespace):
            version = page.version
            for item in page.items:
                # Items of a list carry no kind of their own.
                swept.see(key_of(item))
                self._tell(self.objects.put({"kind": self.kind.name, **item}, listed=True))
        self._tell(self.objects.retain(swept, int(version), self.namespace))

    def _tell(self, gateways: set[Key]) -> None:
        for gateway in gateways:
            self.changed(gateway)
