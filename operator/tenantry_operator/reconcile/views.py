"""What is kept of live Deployments and pods: pure functions from the API server's JSON to the status's input."""

from collections.abc import Iterator, Mapping
from typing import Any

from tenantry_operator.conditions.observation import DeploymentView, PodView
from tenantry_operator.resources.image import DEFAULTS_ANNOTATION
from tenantry_operator.resources.metadata import REFRESH_ANNOTATION

QUIET_REASONS = frozenset({"ContainerCreating", "PodInitializing"})
"""Waiting reasons of a pod that is merely starting."""
MAX_PROBLEM = 1024
REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
"""Written by Kubernetes' Deployment controller."""


def deployment_view(live: Mapping[str, Any]) -> DeploymentView:
    """The status of a Deployment. Condition times are left out: they change while nothing happens."""
    status, spec = live.get("status") or {}, live.get("spec") or {}
    annotations = live["metadata"].get("annotations") or {}
    revision = annotations.get(REVISION_ANNOTATION, "")
    kept = ("type", "status", "reason", "message")
    return DeploymentView(
        generation=int(live["metadata"].get("generation", 0)),
        observed_generation=int(status.get("observedGeneration", 0)),
        replicas=int(status.get("replicas", 0)),
        updated=int(status.get("updatedReplicas", 0)),
        ready=int(status.get("readyReplicas", 0)),
        available=int(status.get("availableReplicas", 0)),
        conditions=tuple(
            {name: condition[name] for name in kept if name in condition}
            for condition in status.get("conditions") or ()
        ),
        wanted=int(spec.get("replicas", 1)),
        revision=int(revision) if revision.isdigit() else 0,
        image_defaults=annotations.get(DEFAULTS_ANNOTATION, ""),
    )


def pod_view(live: Mapping[str, Any]) -> PodView:
    """A pod: whether it is ready, where it is, and what keeps it from running."""
    meta, status = live["metadata"], live.get("status") or {}
    return PodView(
        name=meta["name"],
        uid=meta["uid"],
        ready=any(condition["status"] == "True" for condition in _conditions(status, "Ready")),
        ip=status.get("podIP") or "",
        refresh=(meta.get("annotations") or {}).get(REFRESH_ANNOTATION),
        deleting=bool(meta.get("deletionTimestamp")),
        problem=_problem(status),
    )


def _conditions(status: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    return (condition for condition in status.get("conditions") or () if condition.get("type") == kind)


def _problem(status: Mapping[str, Any]) -> str | None:
    """``reason: message`` of the first thing that keeps the pod from running."""
    for condition in _conditions(status, "PodScheduled"):
        if condition["status"] == "False":
            return _said(condition)
    if status.get("phase") == "Failed":
        return _said(status)
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in QUIET_REASONS:
            return _said(waiting)
    return None


def _said(source: Mapping[str, Any]) -> str:
    reason, message = source.get("reason") or "Unknown", source.get("message") or ""
    return f"{reason}: {message}"[:MAX_PROBLEM] if message else str(reason)
