"""Findings, and how they become the ``conditions`` of a status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Seen = TypeVar("Seen")

MAX_MESSAGE = 4096
"""Characters. The API allows eight times as many, but a status is read by people."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: a condition without its type and times."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


def first_finding(checks: Iterable[Callable[[Seen], Finding | None]], seen: Seen, otherwise: Finding) -> Finding:
    """What the first check that finds something says. Checks come in the order in which a user must fix things."""
    return next(filter(None, (check(seen) for check in checks)), otherwise)


def conditions(
    findings: Mapping[str, Finding | None], previous: Sequence[Mapping[str, Any]], generation: int, now: str
) -> list[dict[str, Any]]:
    """The conditions by type, in the order given; a None is left out.

    ``previous`` are the conditions last written: ``lastTransitionTime`` stays as it was unless the status flips.
    """
    before = {condition.get("type"): condition for condition in previous}
    return [
        {
            "type": kind,
            "status": finding.status,
            "observedGeneration": generation,
            "lastTransitionTime": _transition(before.get(kind), finding, now),
            "reason": finding.reason,
            "message": shortened(finding.message),
        }
        for kind, finding in findings.items()
        if finding is not None
    ]


def _transition(before: Mapping[str, Any] | None, finding: Finding, now: str) -> str:
    if before is None or before.get("status") != finding.status:
        return now
    return before.get("lastTransitionTime") or now


def shortened(text: str, limit: int = MAX_MESSAGE) -> str:
    """``text``, cut where it is too long."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def listed(items: Iterable[str], limit: int = 10) -> str:
    """``a, b, c and 4 more``."""
    names = list(items)
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
