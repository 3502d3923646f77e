"""Finds out where the Gateways' base URLs lead, and keeps an eye on the Services among them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.upstream import ServiceName, Upstream, named, resolved
from tenantry_operator.kube.kinds import Key
from tenantry_operator.kube.services import Services


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Where base URLs lead."""

    services: Services
    cluster_domain: str
    namespaces: Sequence[str]
    """The only ones whose Services can be read; all if empty."""

    async def of(self, gateway: Gateway) -> Upstream | None:
        """Where a Gateway's base URL leads; None without one, or where no policy has to know.

        Raises:
            ApiError: if the Service that it names cannot be read.
        """
        url = gateway.spec.provider.base_url if gateway.spec.network_policy.enabled else None
        host = named(url, gateway.meta.namespace, self.cluster_domain)
        if not isinstance(host, ServiceName) or (self.namespaces and host.namespace not in self.namespaces):
            self.forget(gateway.key)
            return resolved(host, None, known=False)
        self.services.refer(gateway.key, [host.key])
        return resolved(host, (await self.services.read(host.key)).facts)

    def forget(self, gateway: Key) -> None:
        """Nothing of this Gateway needs an eye any more."""
        self.services.refer(gateway, ())
