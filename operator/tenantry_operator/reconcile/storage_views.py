"""What is kept of live PersistentVolumeClaims and StorageClasses: pure functions from the API server's JSON."""

from collections.abc import Mapping
from typing import Any

from tenantry_operator.conditions.observation import ClaimView, StorageClassView
from tenantry_operator.kube.projection import owned_fields
from tenantry_operator.resources.metadata import FIELD_MANAGER

SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""Set on a claim when the pod that waits for it has been given a node."""
DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
NO_PROVISIONER = "kubernetes.io/no-provisioner"
GROWTH = ("ControllerResizeError", "NodeResizeError", "FileSystemResizePending", "Resizing")
"""Conditions of a claim that tell how its growth goes; the first that is true says the most."""


def claim_view(live: Mapping[str, Any]) -> ClaimView:
    """A claim. Its conditions' messages are left out: storage drivers put request ids and times into them."""
    meta, spec, status = live["metadata"], live.get("spec") or {}, live.get("status") or {}
    return ClaimView(
        phase=status.get("phase") or "Pending",
        requested=((spec.get("resources") or {}).get("requests") or {}).get("storage", ""),
        capacity=(status.get("capacity") or {}).get("storage", ""),
        storage_class=spec.get("storageClassName"),
        access_modes=tuple(spec.get("accessModes") or ()),
        volume=spec.get("volumeName") or "",
        owned=any(reference.get("controller") for reference in meta.get("ownerReferences") or ()),
        deleting=bool(meta.get("deletionTimestamp")),
        scheduled=SELECTED_NODE in (meta.get("annotations") or {}),
        resizing=_resizing(status),
        applied=owned_fields(live, FIELD_MANAGER).get("spec") or {},
    )


def _resizing(status: Mapping[str, Any]) -> str:
    """``…Infeasible`` where the driver has given up, else the most telling condition."""
    told = (status.get("allocatedResourceStatuses") or {}).get("storage", "")
    if told.endswith("Infeasible"):
        return str(told)
    true = {one["type"] for one in status.get("conditions") or () if one.get("status") == "True"}
    return next((kind for kind in GROWTH if kind in true), "")


def storage_class_view(live: Mapping[str, Any]) -> StorageClassView:
    """A StorageClass."""
    annotations = live["metadata"].get("annotations") or {}
    return StorageClassView(
        name=live["metadata"]["name"],
        default=any(annotations.get(name) == "true" for name in DEFAULT_CLASS),
        expandable=bool(live.get("allowVolumeExpansion")),
        waits=live.get("volumeBindingMode") == "WaitForFirstConsumer",
        provisioned=live.get("provisioner") != NO_PROVISIONER,
    )
