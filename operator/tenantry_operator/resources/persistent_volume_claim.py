"""The PersistentVolumeClaim with the gateway's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.quantity import canonical
from tenantry_operator.api.v1alpha1.storage import claim_name
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import metadata

OWNERS = "ownerReferences"
INSTANCE = "app.kubernetes.io/instance"
"""Argo CD may take an object with this label for a part of the application of that name, and prune it, unless it has an
owner. So a claim, which may have none, does not have it."""


def build_persistent_volume_claim(gateway: Gateway) -> Manifest:
    """A new claim. With the policy Retain it has no owner, so that nothing deletes it with the Gateway."""
    storage = gateway.spec.storage
    meta = metadata(gateway, claim_name(gateway.meta.name))
    del meta["labels"][INSTANCE]
    if gateway.spec.deletion_policy == "Retain":
        del meta[OWNERS]
    spec: dict[str, Any] = {
        "accessModes": list(storage.access_modes),
        "resources": {"requests": {"storage": canonical(storage.size)}},
    }
    if storage.storage_class_name is not None:
        spec["storageClassName"] = storage.storage_class_name
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def fitted(manifest: Mapping[str, Any], applied: Mapping[str, Any], size: str) -> Manifest:
    """What can be applied to a claim that exists: nothing of a claim's spec can change but its size, and that grows.

    Args:
        manifest: of a new claim.
        applied: the fields of the live claim's spec that we applied, with their live values. They must be said again: a
            field that is left out would be removed, and it cannot be.
        size: what to ask for, as the API server prints it.
    """
    return {**manifest, "spec": {**applied, "resources": {"requests": {"storage": size}}}}


def requested_size(manifest: Mapping[str, Any]) -> str:
    """The size that a claim asks for; empty where it does not say."""
    requests = (manifest["spec"].get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", ""))
