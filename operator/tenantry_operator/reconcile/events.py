"""Kubernetes Events: what a person would want to read in ``kubectl describe``. Pure; none in a steady state.

They are told from two statuses, the one before and the one just written: a change that is written once is told once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenantry_operator.api.v1alpha1.common import ObjectMeta
from tenantry_operator.kube.kinds import EVENT, Kind
from tenantry_operator.resources.metadata import FIELD_MANAGER

MAX_NOTE = 1024
"""Bytes that the Events API takes."""
TROUBLE: Mapping[str, str] = {
    "Stalled": "True",
    "Reconciling": "True",
    "SecretsAvailable": "False",
    "StorageReady": "False",
    "TokenRotated": "False",
    "Accepted": "False",
    "Conflicted": "True",
}
"""Conditions whose trouble is told when it begins or changes its reason, with the status that is trouble."""
PASSING_REASONS = frozenset(
    {
        "TokenPending",
        "RotationPending",
        "RotationStaged",
        "ClaimMissing",
        "WaitingForFirstConsumer",
        "VolumePending",
        "VolumeGrowing",
    }
)

STUBBORN_REASONS = frozenset({"ConflictingManager"})
"""Being under way is no news but for these reasons, in which somebody should do something."""


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell."""

    warning: bool
    reason: str
    note: str


def news(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[News, ...]:
    """What has changed between two statuses that is worth an Event; once, also where two conditions say it."""
    return tuple(dict.fromkeys(_news(_conditions(before), _conditions(after))))


def _news(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> Iterator[News]:
    was, now = before.get("Ready", {}).get("status"), after.get("Ready", {})
    if now and now["status"] == "True" and was != "True":
        yield News(False, "Ready", now["message"])
    elif now and now["status"] != "True" and was == "True":
        yield News(True, now["reason"], now["message"])
    rotated = after.get("TokenRotated", {})
    if rotated.get("reason") == "InOverlap" and before.get("TokenRotated", {}).get("reason") != "InOverlap":
        yield News(False, "TokenRotated", rotated["message"])
    for kind, trouble in TROUBLE.items():
        old, new = before.get(kind, {}), after.get(kind, {})
        if new.get("status") != trouble or new["reason"] in PASSING_REASONS:
            continue
        if kind == "Reconciling" and new["reason"] not in STUBBORN_REASONS:
            continue
        if (old.get("status"), old.get("reason")) != (new["status"], new["reason"]):
            yield News(True, new["reason"], new["message"])


def event_manifest(kind: Kind, meta: ObjectMeta, told: News, now: str, suffix: str) -> dict[str, Any]:
    """An Event about one of our resources.

    Args:
        kind: of the resource.
        meta: of the resource.
        told: what to tell.
        now: RFC 3339 with microseconds.
        suffix: makes the name unique.
    """
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"namespace": meta.namespace, "name": f"{meta.name}.{suffix}"},
        "eventTime": now,
        "type": "Warning" if told.warning else "Normal",
        "reason": told.reason,
        "action": "Reconcile",
        "note": told.note.encode()[:MAX_NOTE].decode(errors="ignore"),
        "reportingController": f"tenantry.dev/{FIELD_MANAGER}",
        "reportingInstance": FIELD_MANAGER,
        "regarding": {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
        },
    }


def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {one["type"]: one for one in status.get("conditions") or ()}
