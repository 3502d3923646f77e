from datetime import UTC, datetime
from typing import Any

import pytest

from tenantry_operator.reconcile.views import deployment_view, pod_view, token_view


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "uid": "u"}, "status": status}


def test_a_deployment_without_a_status_counts_nothing() -> None:
    view = deployment_view({"metadata": {"generation": 2}})

    assert (view.generation, view.observed_generation, view.replicas, view.conditions) == (2, 0, 0, ())


def test_the_times_of_a_deployments_conditions_are_left_out() -> None:
    condition = {"type": "Available", "status": "True", "reason": "r", "message": "m", "lastUpdateTime": "t"}

    view = deployment_view({"metadata": {}, "status": {"conditions": [condition], "availableReplicas": 1}})

    assert view.conditions == ({"type": "Available", "status": "True", "reason": "r", "message": "m"},)
    assert view.available == 1


def test_a_pod_is_ready_when_its_condition_says_so() -> None:
    view = pod_view(pod(podIP="10.0.0.1", conditions=[{"type": "Ready", "status": "True"}]))

    assert (view.ready, view.ip, view.problem) == (True, "10.0.0.1", None)
    assert not pod_view(pod(conditions=[{"type": "Ready", "status": "False"}])).ready


def test_annotation_and_deletion_are_read_from_the_metadata() -> None:
    meta = {"name": "p", "uid": "u", "annotations": {"tenantry.dev/refresh": "x"}, "deletionTimestamp": "now"}

    view = pod_view({"metadata": meta})

    assert (view.refresh, view.deleting) == ("x", True)


def waiting(reason: str, **more: str) -> list[dict[str, Any]]:
    return [{"state": {"waiting": {"reason": reason, **more}}}]


UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({"conditions": [UNSCHEDULABLE]}, "Unschedulable: 0/1"),
        ({"containerStatuses": waiting("ErrImagePull", message="no")}, "ErrImagePull: no"),
        ({"initContainerStatuses": waiting("Error")}, "Error"),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, "Evicted: disk"),
        ({"containerStatuses": waiting("ContainerCreating")}, None),
        ({"containerStatuses": [{"state": {"running": {}}}]}, None),
        ({}, None),
    ],
)
def test_what_keeps_a_pod_from_running_is_named(status: dict[str, Any], problem: str | None) -> None:
    assert pod_view(pod(**status)).problem == problem


@pytest.mark.parametrize(
    ("spec", "status", "has_files"),
    [
        ({"nodeName": "n"}, {}, True),
        ({}, {"podIP": "10.0.0.1"}, True),
        ({}, {"phase": "Pending"}, False),
        ({"nodeName": "n"}, {"phase": "Succeeded"}, False),
        ({"nodeName": "n"}, {"phase": "Failed", "podIP": "10.0.0.1"}, False),
    ],
)
def test_a_pod_has_files_from_its_node_on_until_it_has_finished(
    spec: dict[str, Any], status: dict[str, Any], *, has_files: bool
) -> None:
    assert pod_view({**pod(**status), "spec": spec}).has_files is has_files


def token_secret(manager: str = "tenantry-operator", **notes: str) -> dict[str, Any]:
    """A Secret in mid-rotation, with further annotations."""
    return {
        "metadata": {
            "name": "a-token",
            "creationTimestamp": "2026-05-01T00:00:00Z",
            "annotations": {f"tenantry.dev/{name.replace('_', '-')}": value for name, value in notes.items()},
            "managedFields": [
                {"manager": "tenantry-operator", "fieldsV1": {"f:data": {"f:token": {}}}},
                {"manager": manager, "fieldsV1": {"f:data": {"f:previous-token": {}, "f:token-version": {}}}},
            ],
        },
        "data": {"token": "c2VjcmV0", "previous-token": "bmV4dA==", "token-version": "djI="},
    }


def test_a_token_s_phase_times_and_request_are_kept_and_no_token() -> None:
    view = token_view(
        token_secret(rotation_phase="Staged", rotation_staged_at="2026-05-02T00:00:00Z", rotation_request="1")
    )

    assert (view.phase, view.request, view.version) == ("Staged", "1", "v2")
    assert view.since == datetime(2026, 5, 2, tzinfo=UTC)
    assert (view.has_token, view.has_previous) == (True, True)
    assert "c2VjcmV0" not in repr(view)
    assert "bmV4dA" not in repr(view)


def test_a_staged_token_that_somebody_else_wrote_has_no_version() -> None:
    assert token_view(token_secret("kubectl-patch")).version == ""


@pytest.mark.parametrize(
    "time", ["yesterday", "", "2026-05-01", "2026-05-01T00:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_makes_no_sense_is_none(time: str) -> None:
    assert token_view(token_secret(rotation_phase="Overlap", rotated_at=time)).since is None


def test_a_secret_that_is_no_token_is_at_rest() -> None:
    view = token_view({"metadata": {"name": "x", "annotations": {"tenantry.dev/rotation-phase": "Odd"}}})

    assert (view.phase, view.has_token, view.version) == ("", False, "")
