"""HTTPRouteAccepted and IngressReady: whether the gateway is reached from outside the cluster.

What controllers say is quoted: they know why they refuse a route. Messages name the parent as Gateway API does, since
``Gateway`` alone would be taken for one of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tenantry_operator.api.v1alpha1.exposure import ParentRef
from tenantry_operator.api.v1alpha1.gateway import child_name
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding, listed, shortened
from tenantry_operator.conditions.extras import trouble
from tenantry_operator.conditions.observation import Observation, ParentView

PARENTS = "gateways.gateway.networking.k8s.io"
INSTALL = (
    "kubectl apply --server-side -f "
    "https://github.com/kubernetes-sigs/gateway-api/releases/latest/download/standard-install.yaml"
)
WANTED = ("Accepted", "ResolvedRefs")
MAX_QUOTE = 512


def http_route_accepted(seen: Observation) -> Finding | None:
    """True if every parent has accepted the route; else what the first one says that has not."""
    wanted = seen.gateway.spec.exposure.http_route
    found = trouble(seen, "HTTPRoute", wanted=wanted is not None)
    if wanted is None or found is not None:
        return found
    if "HTTPRoute" in seen.missing_apis:
        message = (
            "The cluster has no HTTPRoute (gateway.networking.k8s.io/v1), so the gateway is not exposed. "
            f"Fix: ask the cluster's administrators for Gateway API and a controller of it ({INSTALL}), "
            "or use spec.exposure.ingress. The route is made as soon as the API is there."
        )
        return Finding("False", reasons.GATEWAY_API_MISSING, message)
    if seen.http_route is None:
        return Finding("Unknown", reasons.ROUTE_PENDING, f"HTTPRoute {_name(seen)} has not been created yet.")
    findings = [_parent(seen, parent) for parent in wanted.parent_refs]
    worst = next((one for status in ("False", "Unknown") for one in findings if one and one.status == status), None)
    names = listed(_parent_name(seen, parent) for parent in wanted.parent_refs)
    return worst or Finding("True", reasons.ROUTE_ACCEPTED, f"HTTPRoute {_name(seen)} is accepted by {names}.")


def ingress_ready(seen: Observation) -> Finding | None:
    """True if the controller has published where the Ingress is reached. Not every controller does."""
    wanted = seen.gateway.spec.exposure.ingress
    found = trouble(seen, "Ingress", wanted=wanted is not None)
    if wanted is None or found is not None:
        return found
    if seen.ingress is not None and seen.ingress.addresses:
        message = f"Ingress {_name(seen)} is reached at {listed(seen.ingress.addresses)}."
        return Finding("True", reasons.INGRESS_READY, message)
    ingress_class = f"IngressClass {wanted.ingress_class_name}" if wanted.ingress_class_name else "the default class"
    namespace = seen.gateway.meta.namespace
    message = (
        f"No controller has said where Ingress {_name(seen)} is reached ({ingress_class}); some never do. "
        f"See: kubectl get ingressclass; kubectl -n {namespace} describe ingress {child_name(seen.gateway.meta.name)}"
    )
    return Finding("Unknown", reasons.ADDRESS_PENDING, message)


def _parent(seen: Observation, parent: ParentRef) -> Finding | None:
    """What keeps a parent from taking the route; None where a controller has accepted it."""
    views = [view for view in seen.http_route.parents if _is(seen, parent, view)] if seen.http_route else []
    refusal = next((refused for view in views for refused in _refusals(seen, view)), None)
    if refusal is not None:
        return _refused(seen, parent, *refusal)
    if any(_accepts(seen, view) for view in views):
        return None
    namespace = parent.namespace or seen.gateway.meta.namespace
    message = (
        f"No controller has decided about HTTPRoute {_name(seen)} at {_parent_name(seen, parent)} yet. "
        f"See: kubectl -n {namespace} get {PARENTS} {parent.name}"
    )
    return Finding("Unknown", reasons.ROUTE_PENDING, message)


def _refused(seen: Observation, parent: ParentRef, view: ParentView, condition: Mapping[str, Any]) -> Finding:
    detail = shortened(str(condition.get("message") or "without a word"), MAX_QUOTE)
    namespace = parent.namespace or seen.gateway.meta.namespace
    message = (
        f"{_parent_name(seen, parent)} has not taken HTTPRoute {_name(seen)}: {condition['type']} is "
        f"{condition['status']}, {condition.get('reason')}: {detail} ({view.controller}). "
        f"Fix: correct spec.exposure.httpRoute, or ask those who run the listener; "
        f"see kubectl -n {namespace} describe {PARENTS} {parent.name}"
    )
    return Finding("False", reasons.ROUTE_NOT_ACCEPTED, message)


def _refusals(seen: Observation, view: ParentView) -> Iterator[tuple[ParentView, Mapping[str, Any]]]:
    return ((view, one) for one in _current(seen, view) if one.get("type") in WANTED and one.get("status") == "False")


def _accepts(seen: Observation, view: ParentView) -> bool:
    """Controllers of early versions say nothing of ResolvedRefs where there is nothing to say."""
    said = {one.get("type"): one.get("status") for one in _current(seen, view)}
    return said.get("Accepted") == "True" and said.get("ResolvedRefs", "True") == "True"


def _current(seen: Observation, view: ParentView) -> Sequence[Mapping[str, Any]]:
    """What a controller says of the route as it is now, not of an earlier one."""
    generation = seen.http_route.generation if seen.http_route else 0
    return [one for one in view.conditions if one.get("observedGeneration", generation) >= generation]


def _is(seen: Observation, parent: ParentRef, view: ParentView) -> bool:
    """Whether a controller speaks of this parent. A namespace that is left out is the route's own."""
    reference, own = view.reference, seen.gateway.meta.namespace
    return (
        reference.get("name") == parent.name
        and reference.get("namespace", own) == (parent.namespace or own)
        and reference.get("sectionName") == parent.section_name
        and reference.get("port") == parent.port
    )


def _parent_name(seen: Observation, parent: ParentRef) -> str:
    listener = f" (listener {parent.section_name})" if parent.section_name else ""
    return f"{PARENTS} {parent.namespace or seen.gateway.meta.namespace}/{parent.name}{listener}"


def _name(seen: Observation) -> str:
    return f"{seen.gateway.meta.namespace}/{child_name(seen.gateway.meta.name)}"
