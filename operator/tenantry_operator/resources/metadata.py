"""Names, labels and owner references of everything that a Gateway owns."""

from __future__ import annotations

from typing import Any

from tenantry_operator.api.v1alpha1.common import API_VERSION
from tenantry_operator.api.v1alpha1.gateway import KIND, Gateway, child_name

__all__ = [
    "FIELD_MANAGER",
    "GATEWAY_LABEL",
    "MANAGED_BY_LABEL",
    "REFRESH_ANNOTATION",
    "child_name",
    "labels",
    "metadata",
    "owner_reference",
    "selector",
]

FIELD_MANAGER = "tenantry-operator"
GATEWAY_LABEL = "tenantry.dev/gateway"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
REFRESH_ANNOTATION = "tenantry.dev/refresh"
"""Patched on live pods, never in the template: a changed annotation makes the kubelet refresh the pod's volumes."""


def selector(gateway_name: str) -> dict[str, str]:
    """Labels that select the gateway's pods. Selectors are immutable: these must never change."""
    return {"app.kubernetes.io/name": "tenantry-gateway", GATEWAY_LABEL: gateway_name}


def labels(gateway_name: str) -> dict[str, str]:
    """Labels of every child. No version label: pods would restart with the operator."""
    return {
        **selector(gateway_name),
        "app.kubernetes.io/instance": gateway_name,
        "app.kubernetes.io/component": "gateway",
        "app.kubernetes.io/part-of": "tenantry",
        MANAGED_BY_LABEL: FIELD_MANAGER,
    }


def owner_reference(gateway: Gateway) -> dict[str, Any]:
    """The Gateway as the controller of a child, so that Kubernetes deletes the child with it."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": gateway.meta.name,
        "uid": gateway.meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(gateway: Gateway, name: str | None = None) -> dict[str, Any]:
    """Metadata of a child. The Gateway's own labels and annotations are not copied: Argo CD would prune the child."""
    return {
        "name": name or child_name(gateway.meta.name),
        "namespace": gateway.meta.namespace,
        "labels": labels(gateway.meta.name),
        "ownerReferences": [owner_reference(gateway)],
    }
