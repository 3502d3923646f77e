"""The informers of everything that belongs to tenants, and the caches that they keep."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tenantry_operator.conditions.observation import DeploymentView, StorageClassView
from tenantry_operator.kube.cache import Cache, Labels, Projector, Record, record_of
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import ApiError, ForbiddenError
from tenantry_operator.kube.informer import Informer, Scope
from tenantry_operator.kube.kinds import (
    APPLIED_KINDS,
    DEPLOYMENT,
    HTTP_ROUTE,
    INGRESS,
    OPTIONAL_KINDS,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    SECRET,
    SERVICE,
    STORAGE_CLASS,
    Json,
    Key,
    Kind,
)
from tenantry_operator.kube.projection import live_digest
from tenantry_operator.kube.secrets import Secrets
from tenantry_operator.kube.services import Services
from tenantry_operator.reconcile.exposure_views import ingress_view, route_view
from tenantry_operator.reconcile.optional import OptionalKinds, Wiring
from tenantry_operator.reconcile.storage_classes import StorageClasses
from tenantry_operator.reconcile.storage_views import claim_view
from tenantry_operator.reconcile.views import deployment_view, pod_view, token_view
from tenantry_operator.resources.metadata import FIELD_MANAGER, GATEWAY_LABEL, MANAGED_BY_LABEL

log = logging.getLogger(__name__)

LABELS = Labels(GATEWAY_LABEL, MANAGED_BY_LABEL)


@dataclass(frozen=True, slots=True)
class Sources:
    """What informers need from outside; clock in monotonic seconds, ``rand`` uniform in [0, 1)."""

    client: Client
    changed: Callable[[Key], None]
    """Told which Gateway to look at."""
    changed_status: Callable[[Key], None]
    """Told the same where nothing but the status of an object has changed: that comes in bursts."""
    clock: Callable[[], float]
    rand: Callable[[], float]
    namespaces: Sequence[str] = ()
    """Where to look; everywhere if empty."""


class Cluster:
    """What is known of tenants' objects."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._changed = sources.changed
        self._changed_status = sources.changed_status
        self.applied: Mapping[Kind, Cache] = {
            kind: self._cache(kind, _applied_projector(kind)) for kind in APPLIED_KINDS
        }
        self.pods = self._cache(POD, _pod_record)
        self.secrets = Secrets(sources.client, LABELS, sources.changed, token_view)
        self.services = Services(sources.client, LABELS, sources.changed)
        self._classes = StorageClasses(self.applied[PERSISTENT_VOLUME_CLAIM], sources.changed)
        labelled = Scope(selector=GATEWAY_LABEL)
        scopes = {
            **dict.fromkeys((*APPLIED_KINDS, POD), labelled),
            SECRET: Scope(metadata_only=True),
            STORAGE_CLASS: Scope(optional=True),
        }
        self._informers = [
            self._informer(cache, scope)
            for cache in (*self.applied.values(), self.pods, self.secrets.cache, self._classes.cache)
            for scope in _each_namespace(cache.kind, scopes[cache.kind], sources.namespaces)
        ]
        self._our_secrets_read = asyncio.Event()
        extras = {kind: self._cache(kind, _applied_projector(kind)) for kind in OPTIONAL_KINDS}
        self.optional = OptionalKinds(
            Wiring(sources.client, extras, self._watch_optional, sources.changed, sources.rand)
        )

    @property
    def caches(self) -> Mapping[Kind, Cache]:
        """Every cache by kind."""
        return {**self.applied, **self.optional.caches, POD: self.pods, SECRET: self.secrets.cache}

    def start(self) -> Iterator[asyncio.Task[None]]:
        """Start the informers, each a task that runs until cancelled."""
        for informer in self._informers:
            yield asyncio.create_task(informer.run(), name=f"informer of {informer.name}")
        for scope in _each_namespace(SERVICE, Scope(metadata_only=True), self._sources.namespaces):
            yield asyncio.create_task(self._watch_services(scope), name="informer of Services referred to")
        yield asyncio.create_task(self.optional.run(), name="optional kinds")
        yield asyncio.create_task(self._read_our_secrets(), name="our Secrets")

    async def settled(self) -> None:
        """Wait until everything is listed, or known not to be readable."""
        for informer in self._informers:
            await informer.settled.wait()
        await self.optional.settled()
        await self._our_secrets_read.wait()

    def unreadable(self, namespace: str) -> ForbiddenError | None:
        """Why some kind that tenants cannot do without cannot be read in a namespace, if one cannot."""
        here = (informer for informer in self._informers if informer.scope.namespace in {None, namespace})
        return next((each.problem for each in here if each.problem and not each.scope.optional), None)

    def known(self, kind: Kind, namespace: str = "") -> bool:
        """Whether the cache of a kind holds what there is in a namespace ("" for a cluster-scoped kind).

        An optional kind is not known where its API is absent or not granted; nor is a cluster-scoped one where the
        operator looks at single namespaces.
        """
        here = (informer for informer in self._informers if informer.cache.kind is kind)
        return any(informer.known and informer.scope.namespace in {None, namespace} for informer in here)

    def deployments(self) -> Iterator[tuple[Key, DeploymentView]]:
        """Each Gateway's Deployment, with the Gateway's key."""
        for record in self.applied[DEPLOYMENT]:
            if isinstance(record.view, DeploymentView):
                yield (record.key[0], record.gateway), record.view

    def storage_classes(self) -> Mapping[str, StorageClassView] | None:
        """The StorageClasses by name; None where the operator cannot see them."""
        return self._classes.views() if self.known(STORAGE_CLASS) else None

    def ages(self) -> Mapping[str, float]:
        """Seconds since each watch's last sign of life, by what is watched."""
        oldest: dict[str, float] = {}
        for informer in (*self._informers, *self.optional.informers()):
            oldest[informer.name] = max(informer.age, oldest.get(informer.name, 0.0))
        return oldest

    async def _read_our_secrets(self) -> None:
        """A list instead of a request for each tenant; without it they are read one by one."""
        for namespace in self._sources.namespaces or (None,):
            try:
                await self.secrets.read_ours(FIELD_MANAGER, namespace)
            except ApiError as error:
                log.debug("listing our Secrets: %s", error)
        self._our_secrets_read.set()

    async def _watch_services(self, scope: Scope) -> None:
        """Watch all Services as soon as a Gateway refers to one."""
        await self.services.needed.wait()
        informer = self._informer(self.services.cache, scope)
        self._informers.append(informer)
        await informer.run()

    def _watch_optional(self, kind: Kind, access_changed: Callable[[], None]) -> Sequence[Informer]:
        scopes = _each_namespace(kind, Scope(GATEWAY_LABEL, optional=True), self._sources.namespaces)
        return [self._informer(self.optional.caches[kind], scope, access_changed) for scope in scopes]

    def _informer(self, cache: Cache, scope: Scope, access_changed: Callable[[], None] = lambda: None) -> Informer:
        client, clock, rand = self._sources.client, self._sources.clock, self._sources.rand
        return Informer(client, cache, scope, clock=clock, rand=rand, access_changed=access_changed)

    def _cache(self, kind: Kind, project: Projector) -> Cache:
        return Cache(kind, project, self._on_change)

    def _on_change(self, old: Record | None, new: Record | None) -> None:
        tell = self._changed_status if _only_status(old, new) else self._changed
        for gateway in {(each.key[0], each.gateway) for each in (old, new) if each is not None and each.gateway}:
            tell(gateway)


def _each_namespace(kind: Kind, scope: Scope, namespaces: Sequence[str]) -> Iterator[Scope]:
    """One informer's scope for each namespace, or for all; cluster-scoped kinds are only read cluster-wide."""
    if not namespaces:
        yield scope
    elif kind.namespaced:
        yield from (replace(scope, namespace=namespace) for namespace in namespaces)


def _only_status(old: Record | None, new: Record | None) -> bool:
    """Whether nothing that we apply has changed, only how it stands; pods are never applied."""
    if old is None or new is None:
        return not any(each.digest for each in (old, new) if each is not None)
    return old.same(replace(new, view=old.view))


VIEWS: Mapping[Kind, Callable[[Json], object]] = {
    DEPLOYMENT: deployment_view,
    PERSISTENT_VOLUME_CLAIM: claim_view,
    HTTP_ROUTE: route_view,
    INGRESS: ingress_view,
}
"""What is kept of an applied kind besides its digest."""


def _applied_projector(kind: Kind) -> Projector:
    view = VIEWS.get(kind)

    def project(live: Json) -> Record:
        return record_of(live, LABELS, live_digest(live, FIELD_MANAGER), view(live) if view else None)

    return project


def _pod_record(live: Json) -> Record:
    return record_of(live, LABELS, view=pod_view(live))
