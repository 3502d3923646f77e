"""What all optional objects have in common: each is a feature with a condition of its own."""

from __future__ import annotations

from tenantry_operator.conditions.condition import Finding
from tenantry_operator.conditions.observation import Observation


def trouble(seen: Observation, kind: str, *, wanted: bool) -> Finding | None:
    """What kept the object of a kind from being as it should be.

    Also where the feature is off: what cannot be removed still works, and somebody must be told.
    """
    problem = seen.extra_problems.get(kind)
    if problem is None:
        return None
    left = "" if wanted else f"The {kind} should no longer be there. "
    return Finding("False", problem.reason, f"{left}{problem.message}")
