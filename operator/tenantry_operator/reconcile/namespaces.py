"""Labels of namespaces, for Gateways that consent to AgentBindings by them.

Watched from the first such Gateway on, by metadata alone; in most clusters no Gateway ever asks.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tenantry_operator.api.v1alpha1.allowed_bindings import Labels
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.observation import Problem
from tenantry_operator.kube.cache import Cache, Record, record_of
from tenantry_operator.kube.cache import Labels as LabelNames
from tenantry_operator.kube.informer import Informer, Scope
from tenantry_operator.kube.kinds import NAMESPACE, Json, Key
from tenantry_operator.reconcile.cluster import Sources
from tenantry_operator.reconcile.store import Store

Spawn = Callable[[Coroutine[Any, Any, None], str], None]
_NO_LABELS = LabelNames("", "")


class Namespaces:
    """Knows the labels of namespaces, and which Gateways to look at when they change."""

    def __init__(self, sources: Sources, store: Store, spawn: Spawn) -> None:
        self._changed = sources.changed
        self._store = store
        self._spawn = spawn
        self._limited = bool(sources.namespaces)
        """Whether the operator looks at single namespaces: then it has no business with the labels of all."""
        self._cache = Cache(NAMESPACE, _record, self._on_change)
        self._informer = Informer(
            sources.client,
            self._cache,
            Scope(metadata_only=True, optional=True),
            clock=sources.clock,
            rand=sources.rand,
            access_changed=self._look_at_all,
        )
        self._running = False
        self._selecting: set[Key] = set()

    def want(self, gateway: Gateway) -> bool:
        """Say that a Gateway is about to be decided on. Returns whether what it needs to know is known by now."""
        if not any(rule.namespaces.source == "Selector" for rule in gateway.spec.allowed_bindings):
            self.forget(gateway.key)
            return True
        self._selecting.add(gateway.key)
        if not self._running and not self._limited:
            self._running = True
            self._spawn(self._informer.run(), "informer of namespaces")
        return self._limited or self._informer.settled.is_set()

    def forget(self, gateway: Key) -> None:
        """The Gateway is gone, or selects no namespaces any more."""
        self._selecting.discard(gateway)

    def labels(self, namespace: str) -> Labels | None:
        """Labels of a namespace; None where they are not known."""
        record = self._cache.get(("", namespace)) if self._informer.known else None
        return record.view if record is not None and isinstance(record.view, Mapping) else None

    def problem(self, gateway: Gateway) -> Problem | None:
        """Why a Gateway's selectors have no effect, if they have none."""
        if gateway.key not in self._selecting or self._informer.known:
            return None
        why, grant = "may not list and watch namespaces", "helm upgrade with the same values restores its role"
        if self._limited:
            why, grant = "looks at single namespaces only", "let it look at the whole cluster"
        message = (
            f"spec.allowedBindings selects namespaces by their labels, and the operator {why}: selectors match none. "
            f"Fix: name the namespaces (from: Names); or {grant}."
        )
        return Problem(reasons.NAMESPACES_UNREADABLE, message)

    def ages(self) -> Mapping[str, float]:
        """Seconds since the watch's last sign of life, by plural name; nothing while there is none."""
        return {NAMESPACE.plural: self._informer.age} if self._running else {}

    def _look_at_all(self) -> None:
        for gateway in self._selecting:
            self._changed(gateway)

    def _on_change(self, old: Record | None, new: Record | None) -> None:
        """A namespace came, changed or went: its bindings may be allowed now, or no longer."""
        name = next(each.key[1] for each in (new, old) if each is not None)
        for gateway in self._selecting:
            if self._has_guest(gateway, name):
                self._changed(gateway)

    def _has_guest(self, gateway: Key, namespace: str) -> bool:
        return any(entry.meta.namespace == namespace for entry in self._store.bindings.of_gateway(gateway))


def _record(live: Json) -> Record:
    return record_of(live, _NO_LABELS, view=dict(live["metadata"].get("labels") or {}))
