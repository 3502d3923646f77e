from typing import Any

import pytest

from tenantry_operator.conditions.observation import ClaimView, StorageClassView
from tenantry_operator.reconcile.storage_views import claim_view, storage_class_view

FIELDS: dict[str, Any] = {"f:spec": {"f:accessModes": {}, "f:resources": {"f:requests": {"f:storage": {}}}}}
LIVE: dict[str, Any] = {
    "metadata": {
        "name": "a-state",
        "namespace": "ns",
        "annotations": {"volume.kubernetes.io/selected-node": "node-1"},
        "ownerReferences": [{"controller": True, "uid": "u"}],
        "managedFields": [{"manager": "tenantry-operator", "operation": "Apply", "fieldsV1": FIELDS}],
    },
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "2Gi"}},
        "storageClassName": "fast",
        "volumeName": "pvc-1",
    },
    "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
}


def test_a_claim_is_reduced_to_what_its_condition_and_its_growth_need() -> None:
    applied = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}

    assert claim_view(LIVE) == ClaimView(
        phase="Bound",
        requested="2Gi",
        capacity="1Gi",
        storage_class="fast",
        access_modes=("ReadWriteOnce",),
        volume="pvc-1",
        owned=True,
        deleting=False,
        scheduled=True,
        resizing="",
        applied=applied,
    )


def test_a_claim_just_made_is_pending() -> None:
    view = claim_view({"metadata": {"name": "a-state", "deletionTimestamp": "now"}, "spec": {}})

    assert (view.phase, view.capacity, view.storage_class, view.owned) == ("Pending", "", None, False)
    assert view.deleting
    assert view.applied == {}


@pytest.mark.parametrize(
    ("status", "resizing"),
    [
        ({"conditions": [{"type": "Unused", "status": "True"}]}, ""),
        ({"conditions": [{"type": "Resizing", "status": "False"}]}, ""),
        ({"conditions": [{"type": "Resizing", "status": "True"}]}, "Resizing"),
        (
            {"conditions": [{"type": each, "status": "True"} for each in ("Resizing", "FileSystemResizePending")]},
            "FileSystemResizePending",
        ),
        (
            {
                "conditions": [{"type": "Resizing", "status": "True", "message": "request 4711 at 12:00"}],
                "allocatedResourceStatuses": {"storage": "ControllerResizeInfeasible"},
            },
            "ControllerResizeInfeasible",
        ),
        ({"allocatedResourceStatuses": {"storage": "ControllerResizeInProgress"}}, ""),
    ],
)
def test_of_a_volumes_growth_the_most_telling_word_is_kept(status: dict[str, Any], resizing: str) -> None:
    assert claim_view({**LIVE, "status": status}).resizing == resizing


def test_a_storage_class_is_reduced_to_what_claims_care_for() -> None:
    live = {
        "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "csi.example.com",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    plain = {"metadata": {"name": "old"}, "provisioner": "kubernetes.io/no-provisioner"}

    assert storage_class_view(live) == StorageClassView("fast", True, True, True, True)
    assert storage_class_view(plain) == StorageClassView("old", False, False, False, False)
