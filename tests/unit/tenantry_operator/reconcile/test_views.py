from typing import Any

import pytest

from tenantry_operator.reconcile.views import deployment_view, pod_view


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
