"""The HTTPRoute of Kubernetes' Gateway API in front of a gateway."""

from __future__ import annotations

from typing import Any

from tenantry_operator.api.v1alpha1.exposure import ParentRef
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import child_name, metadata
from tenantry_operator.resources.paths import EXPOSED

GROUP = "gateway.networking.k8s.io"
PARENT_KIND = "Gateway"
NO_LIMIT = "0s"
"""A turn lasts minutes and a WebSocket as long as its client: the gateway has time-outs of its own."""


def build_http_route(gateway: Gateway) -> Manifest | None:
    """One rule with the paths to expose. What it leaves out, /metrics for one, is answered 404 by the controller."""
    wanted = gateway.spec.exposure.http_route
    if wanted is None:
        return None
    meta = metadata(gateway)
    spec: dict[str, Any] = {
        "parentRefs": [parent_reference(parent) for parent in wanted.parent_refs],
        "rules": [
            {
                "matches": [
                    {"path": {"type": "PathPrefix" if path.prefix else "Exact", "value": path.value}}
                    for path in EXPOSED
                ],
                "backendRefs": [
                    {
                        "group": "",
                        "kind": "Service",
                        "name": child_name(gateway.meta.name),
                        "port": gateway.spec.port,
                        "weight": 1,
                    }
                ],
                "timeouts": {"request": NO_LIMIT, "backendRequest": NO_LIMIT},
            }
        ],
    }
    if wanted.hostnames:
        spec["hostnames"] = list(wanted.hostnames)
    if wanted.annotations:
        meta["annotations"] = dict(wanted.annotations)
    return {"apiVersion": f"{GROUP}/v1", "kind": "HTTPRoute", "metadata": meta, "spec": spec}


def parent_reference(parent: ParentRef) -> dict[str, Any]:
    """A parent as the API server stores it, with its defaults."""
    reference: dict[str, Any] = {"group": GROUP, "kind": PARENT_KIND, "name": parent.name}
    optional = {"namespace": parent.namespace, "sectionName": parent.section_name, "port": parent.port}
    return reference | {name: value for name, value in optional.items() if value is not None}
