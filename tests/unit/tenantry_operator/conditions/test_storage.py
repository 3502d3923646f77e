from typing import Any

import pytest

from tenantry_operator.conditions.condition import Finding
from tenantry_operator.conditions.gateway import gateway_status
from tenantry_operator.conditions.observation import Problem
from tenantry_operator.conditions.storage import expandable, storage_ready
from tests.unit.tenantry_operator.objects import (
    NOW,
    claim_view,
    condition,
    deployment_view,
    gateway,
    observation,
    pod_view,
    storage_class_view,
)

PENDING = {"phase": "Pending", "capacity": "", "volume": "", "scheduled": False}
SIZE_5 = {"storage": {"size": "5Gi"}}
NO_POD: dict[str, Any] = {"deployment": deployment_view(ready=0), "pods": ()}


def found(spec: dict[str, Any] | None = None, /, seen: dict[str, Any] | None = None, **claim: Any) -> Finding:
    return storage_ready(observation(gateway(spec), **{"claim": claim_view(**claim), **(seen or {})}))


def pending(**claim: Any) -> Finding:
    return found(**{**PENDING, **claim})


def test_a_bound_claim_is_ready_and_says_what_becomes_of_it() -> None:
    kept, going = found(), found(owned=True)

    assert (kept.status, kept.reason) == (going.status, going.reason) == ("True", "Bound")
    assert kept.message == (
        "PersistentVolumeClaim team-a/assistants-state has a volume of 1Gi, which stays when the Gateway is deleted."
    )
    assert "goes with the Gateway" in going.message


def test_a_claim_that_was_not_made_yet_says_so() -> None:
    assert storage_ready(observation(claim=None)).reason == "ClaimMissing"


@pytest.mark.parametrize(
    ("claim", "classes", "reason", "said"),
    [
        ({"storage_class": "gone"}, {}, "StorageClassMissing", '"gone" does not exist (there are: none)'),
        ({"storage_class": "gone"}, None, "VolumePending", "kubectl get storageclass"),
        ({"storage_class": None}, {}, "NoDefaultStorageClass", "(there are: none)"),
        ({"storage_class": None}, None, "NoDefaultStorageClass", "(see: kubectl get storageclass)"),
        ({"storage_class": ""}, {}, "VolumePending", "make a PersistentVolume of 1Gi, ReadWriteOnce without one"),
    ],
)
def test_a_claim_without_a_volume_says_why(claim: dict[str, Any], classes: Any, reason: str, said: str) -> None:
    told = found(seen={"storage_classes": classes}, **{**PENDING, **claim})

    assert (told.status, told.reason) == ("False", reason)
    assert said in told.message


def test_classes_are_listed_with_the_default_one() -> None:
    classes = {name: storage_class_view(name) for name in ("standard", "archive")}

    told = found(seen={"storage_classes": classes}, **{**PENDING, "storage_class": "gone"})

    assert "(there are: archive, standard (default))" in told.message


def test_a_claim_that_is_about_to_get_the_default_class_only_waits() -> None:
    assert pending(storage_class=None).reason == "VolumePending"


@pytest.mark.parametrize(
    ("scheduled", "reason"), [(False, "WaitingForFirstConsumer"), (True, "VolumePending")], ids=["no pod", "a pod"]
)
def test_a_class_that_waits_for_a_pod_is_waited_with_until_there_is_one(scheduled: bool, reason: str) -> None:
    classes = {"standard": storage_class_view(waits=True)}

    told = found(seen={"storage_classes": classes}, **{**PENDING, "scheduled": scheduled})

    assert told.reason == reason


def test_a_class_whose_volumes_people_make_says_so() -> None:
    told = found(seen={"storage_classes": {"standard": storage_class_view(provisioned=False)}}, **PENDING)

    assert "somebody has to make a PersistentVolume of 1Gi, ReadWriteOnce for it" in told.message


def test_a_claim_on_its_way_out_says_how_to_keep_its_data() -> None:
    told = found(deleting=True)

    assert told.reason == "WaitingForDeletion"
    assert "kubectl patch pv pvc-1" in told.message


def test_a_lost_volume_makes_the_gateway_stalled_even_while_a_pod_runs() -> None:
    status = gateway_status(observation(claim=claim_view(phase="Lost", capacity="")), NOW)

    assert condition(status, "Ready")["status"] == "False"
    assert condition(status, "Stalled")["reason"] == "VolumeLost"


@pytest.mark.parametrize(
    ("claim", "reason", "said"),
    [
        ({"requested": "5Gi"}, "VolumeGrowing", "grows from 1Gi to 5Gi: the storage driver is at it"),
        ({"requested": "5Gi", "resizing": "FileSystemResizePending"}, "VolumeGrowing", "its file system follows"),
        ({"requested": "5Gi", "resizing": "ControllerResizeError"}, "VolumeGrowing", "it has failed so far"),
        ({"requested": "5Gi", "resizing": "ControllerResizeInfeasible"}, "VolumeNotExpandable", "cannot do it"),
        ({"requested": "5Gi", "capacity": "5Gi", "resizing": "Resizing"}, "Bound", "a volume of 5Gi"),
        ({"capacity": "10Gi"}, "Bound", "a volume of 10Gi"),
        ({"requested": "9Gi", "capacity": "5Gi", "resizing": "NodeResizeInfeasible"}, "Bound", "a volume of 5Gi"),
        ({}, "VolumeGrowing", "grows from 1Gi to 5Gi"),
    ],
)
def test_growth_is_told_from_sizes(claim: dict[str, Any], reason: str, said: str) -> None:
    told = found(SIZE_5, **claim)

    assert told.reason == reason
    assert said in told.message


@pytest.mark.parametrize(
    ("classes", "claim", "said"),
    [
        ({"standard": storage_class_view(expandable=False)}, {}, '"standard" does not let its volumes grow'),
        ({}, {}, '"standard" does not exist any more'),
        ({}, {"storage_class": ""}, "a volume without StorageClass does not grow"),
    ],
)
def test_a_volume_that_cannot_grow_says_why(classes: Any, claim: dict[str, Any], said: str) -> None:
    told = found(SIZE_5, {"storage_classes": classes}, **claim)

    assert (told.status, told.reason) == ("False", "VolumeNotExpandable")
    assert said in told.message
    assert "copy the state to a new Gateway" in told.message


def test_what_the_api_server_says_to_growth_is_told() -> None:
    quota = Problem("VolumeGrowthRefused", "exceeded quota: small")
    rigid = Problem("VolumeNotExpandable", "only dynamically provisioned pvc can be resized")

    assert "exceeded quota: small" in found(SIZE_5, {"growth_refused": quota}).message
    assert "does not let its volumes grow" in found(SIZE_5, {"growth_refused": rigid, "storage_classes": None}).message


def test_a_gateway_whose_volume_cannot_grow_is_ready_and_not_finished() -> None:
    classes = {"standard": storage_class_view(expandable=False)}

    status = gateway_status(observation(gateway(SIZE_5), storage_classes=classes), NOW)

    assert condition(status, "Ready")["status"] == "True"
    assert condition(status, "Reconciling")["reason"] == "VolumeNotExpandable"


def test_what_was_kept_of_an_earlier_claim_is_said_and_no_trouble() -> None:
    asked = {"storage": {"storageClassName": "fast", "accessModes": ["ReadWriteMany"]}}

    told = found(asked, requested="5Gi", capacity="5Gi")

    assert (told.status, told.reason) == ("True", "VolumeDiffers")
    assert "size is 5Gi, not 1Gi" in told.message
    assert 'storageClassName is "standard", not "fast"' in told.message
    assert "accessModes are ReadWriteOnce, not ReadWriteMany" in told.message


def test_access_modes_mean_the_same_in_any_order() -> None:
    asked = {"storage": {"accessModes": ["ReadWriteMany", "ReadWriteOnce"]}}

    assert found(asked, access_modes=("ReadWriteOnce", "ReadWriteMany")).reason == "Bound"


def test_ready_names_the_storage_before_the_pod_that_waits_for_it() -> None:
    stuck = {**NO_POD, "pods": (pod_view(ready=False, problem="Unschedulable: unbound immediate claims"),)}
    seen = observation(claim=claim_view(**{**PENDING, "storage_class": "gone"}), **stuck)

    assert condition(gateway_status(seen, NOW), "Ready")["reason"] == "StorageClassMissing"


def test_ready_leaves_a_claim_alone_that_waits_for_the_pod_as_it_should() -> None:
    classes = {"standard": storage_class_view(waits=True)}
    seen = observation(claim=claim_view(**PENDING), storage_classes=classes, **NO_POD)

    assert condition(gateway_status(seen, NOW), "Ready")["reason"] == "DeploymentProgressing"


def test_growth_is_left_to_the_api_server_where_classes_cannot_be_seen() -> None:
    assert expandable(claim_view(), None)
    assert not expandable(claim_view(storage_class="gone"), {})


@pytest.mark.parametrize(
    ("wanted", "resizing", "asked"),
    [
        ("2048Mi", "ControllerResizeInfeasible", "2Gi"),
        ("2Gi", "ControllerResizeError", "9Gi"),
        ("1Gi", "ControllerResizeInfeasible", "9Gi"),
        ("20Gi", "ControllerResizeInfeasible", "9Gi"),
    ],
)
def test_what_a_driver_has_given_up_is_taken_back_as_far_as_kubernetes_lets_it(
    wanted: str, resizing: str, asked: str
) -> None:
    assert claim_view(requested="9Gi", capacity="1Gi", resizing=resizing).without_growth(wanted) == asked
