"""Applies what a gateway runs without: routes from outside, and monitoring. Each fails alone, and blocks nothing.

An object whose API is absent is left out without a fault: the Gateway says so in its status and is looked at again
when the API arrives. What cannot be read is not written either: nobody would notice what becomes of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.observation import IngressView, Observation, Problem, RouteView
from tenantry_operator.kube.apply import Writer
from tenantry_operator.kube.errors import ApiError, TooManyRequestsError, UnauthorizedError
from tenantry_operator.kube.kinds import HTTP_ROUTE, INGRESS, Key, Kind, kind_of
from tenantry_operator.kube.prune import prune, surplus
from tenantry_operator.reconcile.converge import Setbacks, owner_of
from tenantry_operator.reconcile.optional import OptionalKinds
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import child_name


@dataclass(frozen=True, slots=True)
class Extras:
    """Does it."""

    writer: Writer
    kinds: OptionalKinds

    async def converge(self, gateway: Gateway, wanted: Sequence[Manifest], main: Setbacks) -> dict[str, Problem]:
        """Bring the optional objects to what is wanted; returns what stood in the way, by the kind's name.

        Raises:
            ApiError: if the API server is away, or asks to wait.
        """
        manifests = {kind_of(manifest): manifest for manifest in wanted}
        self.kinds.want(gateway.key, manifests.keys())
        if main.problem is not None and main.problem.reason == reasons.NAME_CONFLICT:
            manifests.clear()  # The Service may be somebody else's: it must not be exposed.
        problems = {}
        for kind in self.kinds.caches:
            setbacks = Setbacks()
            await self._converge(gateway, kind, manifests.get(kind), setbacks)
            for (each, name), fight in self.writer.fights.going_on(gateway.key):
                if each is kind:
                    setbacks.note_fight(kind, (gateway.meta.namespace, name), fight)
            main.retry = main.retry or setbacks.retry
            if setbacks.problem is not None:
                problems[kind.name] = setbacks.problem
        return problems

    async def _converge(self, gateway: Gateway, kind: Kind, manifest: Manifest | None, setbacks: Setbacks) -> None:
        """Apply or remove the one object of a kind."""
        refusal = self.kinds.refusal(kind, gateway.meta.namespace)
        if refusal is not None and manifest is not None:
            setbacks.note_forbidden(refusal)
        if not self.kinds.is_known(kind, gateway.meta.namespace):
            return
        owner = owner_of(gateway)
        kept = {(kind, manifest["metadata"]["name"])} if manifest else set()
        try:
            with setbacks.caught():
                if manifest is not None:
                    await self.writer.apply(manifest, owner)
                await prune(self.writer, surplus((self.kinds.caches[kind],), gateway.key, owner, kept))
        except ApiError as error:
            if not error.code or isinstance(error, TooManyRequestsError | UnauthorizedError):
                raise
            setbacks.note(reasons.APPLY_FAILED, error.message)

    def observe(self, seen: Observation, problems: Mapping[str, Problem]) -> Observation:
        """Add what is known of the optional objects to an observation."""
        namespace, name = seen.gateway.key
        key = namespace, child_name(name)
        records = {kind: cache.get(key) for kind, cache in self.kinds.caches.items()}
        route, ingress = (record.view if (record := records[kind]) else None for kind in (HTTP_ROUTE, INGRESS))
        return replace(
            seen,
            missing_apis=frozenset(kind.name for kind in self.kinds.caches if not self.kinds.is_served(kind)),
            extra_problems=problems,
            http_route=route if isinstance(route, RouteView) else None,
            ingress=ingress if isinstance(ingress, IngressView) else None,
            extras=frozenset(kind.name for kind, record in records.items() if record is not None),
        )

    def forget(self, gateway: Key) -> None:
        """A Gateway is gone."""
        self.kinds.want(gateway, ())
