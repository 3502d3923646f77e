"""The status of a Gateway, computed from an observation."""

from __future__ import annotations

from typing import Any

from tenantry_operator.conditions.observation import Observation


def gateway_status(seen: Observation, now: str) -> dict[str, Any]:
    """The whole status. ``now`` is RFC 3339, UTC: it only appears where a condition flips."""
    return {"observedGeneration": seen.gateway.meta.generation, "conditions": []}
