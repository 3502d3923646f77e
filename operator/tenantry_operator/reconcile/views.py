"""What is kept of live Deployments and pods: pure functions from the API server's JSON to the status's input."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from tenantry_operator.api.v1alpha1.gateway import MAX_REQUEST
from tenantry_operator.conditions.observation import DeploymentView, PodView, TokenView
from tenantry_operator.resources import secret
from tenantry_operator.resources.image import DEFAULTS_ANNOTATION
from tenantry_operator.resources.metadata import FIELD_MANAGER, REFRESH_ANNOTATION

QUIET_REASONS = frozenset({"ContainerCreating", "PodInitializing"})
"""Waiting reasons of a pod that is merely starting."""
FINISHED = frozenset({"Succeeded", "Failed"})
"""Phases of a pod that has ended and will not start again."""
MAX_PROBLEM = 1024
SENSIBLE_YEARS = range(2000, 9000)
"""Of times that somebody may have written: durations are added to them."""


def deployment_view(live: Mapping[str, Any]) -> DeploymentView:
    """The status of a Deployment. Condition times are left out: they change while nothing happens."""
    status, spec = live.get("status") or {}, live.get("spec") or {}
    annotations = live["metadata"].get("annotations") or {}
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
        image_defaults=annotations.get(DEFAULTS_ANNOTATION, ""),
    )


def pod_view(live: Mapping[str, Any]) -> PodView:
    """A pod: whether it is ready, where it is, and what keeps it from running."""
    meta, status = live["metadata"], live.get("status") or {}
    return PodView(
        name=meta["name"],
        uid=meta["uid"],
        ready=any(condition["status"] == "True" for condition in _conditions(status, "Ready")),
        ip=_ip(status),
        refresh=(meta.get("annotations") or {}).get(REFRESH_ANNOTATION),
        deleting=bool(meta.get("deletionTimestamp")),
        problem=_problem(status),
        has_files=status.get("phase") not in FINISHED and bool((live.get("spec") or {}).get("nodeName") or _ip(status)),
    )


def token_view(live: Mapping[str, Any]) -> TokenView:
    """The state of a generated token; of any other Secret, nothing that anybody asks for."""
    meta, data = live["metadata"], live.get("data") or {}
    notes = meta.get("annotations") or {}
    return TokenView(
        created=_time(meta.get("creationTimestamp")) or datetime.fromtimestamp(0, UTC),
        has_token=bool(data.get(secret.TOKEN_KEY)),
        has_previous=bool(data.get(secret.PREVIOUS_KEY)),
        phase=_phase(notes.get(secret.PHASE)),
        staged_at=_time(notes.get(secret.STAGED_AT)),
        rotated_at=_time(notes.get(secret.ROTATED_AT)),
        request=notes.get(secret.REQUEST, "")[:MAX_REQUEST],
        version=_text(data.get(secret.VERSION_KEY)) if _staged_by_us(meta) else "",
        unconfirmed=notes.get(secret.UNCONFIRMED, "")[:MAX_PROBLEM],
    )


def _staged_by_us(meta: Mapping[str, Any]) -> bool:
    """Whether the staged token and its version are as we wrote them: whoever changes a field takes it over."""
    staged = {f"f:{secret.PREVIOUS_KEY}", f"f:{secret.VERSION_KEY}"}
    ours = (entry for entry in meta.get("managedFields") or () if entry.get("manager") == FIELD_MANAGER)
    return any(staged <= ((entry.get("fieldsV1") or {}).get("f:data") or {}).keys() for entry in ours)


def _phase(note: str | None) -> Literal["", "Staged", "Overlap"]:
    return "Staged" if note == secret.STAGED else "Overlap" if note == secret.OVERLAP else ""


def _time(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo and moment.year in SENSIBLE_YEARS else None


def _text(encoded: str | None) -> str:
    try:
        return base64.b64decode(encoded or "").decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _ip(status: Mapping[str, Any]) -> str:
    return str(status.get("podIP") or "")


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
