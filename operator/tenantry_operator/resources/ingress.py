"""The Ingress in front of a gateway."""

from __future__ import annotations

from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import child_name, metadata
from tenantry_operator.resources.paths import EXPOSED
from tenantry_operator.resources.service import PORT_NAME


def build_ingress(gateway: Gateway) -> Manifest | None:
    """The paths to expose under every host; no other path has a backend."""
    wanted = gateway.spec.exposure.ingress
    if wanted is None:
        return None
    meta = metadata(gateway)
    backend = {"service": {"name": child_name(gateway.meta.name), "port": {"name": PORT_NAME}}}
    paths = [
        {"path": path.value, "pathType": "Prefix" if path.prefix else "Exact", "backend": backend} for path in EXPOSED
    ]
    spec: dict[str, Any] = {"rules": [{"host": host, "http": {"paths": paths}} for host in wanted.hosts]}
    if wanted.ingress_class_name is not None:
        spec["ingressClassName"] = wanted.ingress_class_name
    if wanted.tls is not None:
        spec["tls"] = [{"hosts": list(wanted.hosts), "secretName": wanted.tls.secret_name}]
    if wanted.annotations:
        meta["annotations"] = dict(wanted.annotations)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}
