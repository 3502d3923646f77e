"""What is kept of live HTTPRoutes and Ingresses: what their controllers say of them."""

from collections.abc import Mapping
from typing import Any

from tenantry_operator.conditions.observation import IngressView, ParentView, RouteView

ROUTE_CONDITION = ("type", "status", "reason", "message", "observedGeneration")
"""What is kept of a condition. Its times are left out: they change while nothing happens."""


def route_view(live: Mapping[str, Any]) -> RouteView:
    """What controllers say of an HTTPRoute."""
    parents = (live.get("status") or {}).get("parents") or ()
    return RouteView(
        generation=int(live["metadata"].get("generation", 0)),
        parents=tuple(
            ParentView(
                reference=parent.get("parentRef") or {},
                controller=parent.get("controllerName") or "",
                conditions=tuple(
                    {name: condition[name] for name in ROUTE_CONDITION if name in condition}
                    for condition in parent.get("conditions") or ()
                ),
            )
            for parent in parents
        ),
    )


def ingress_view(live: Mapping[str, Any]) -> IngressView:
    """Where an Ingress is reached."""
    points = ((live.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    addresses = (point.get("hostname") or point.get("ip") or "" for point in points)
    return IngressView(tuple(sorted(filter(None, addresses))))
