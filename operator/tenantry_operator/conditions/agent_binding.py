"""Decides about AgentBindings and says so in their status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.observation import Verdict

__all__ = ["Verdict", "binding_status", "judge"]


def judge(gateway: Gateway | None, bindings: Sequence[AgentBinding]) -> tuple[Verdict, ...]:
    """One verdict for each binding, in the same order. ``gateway`` is None where none of that name exists."""
    return tuple(Verdict(binding, gateway is not None, "Accepted", "") for binding in bindings)


def binding_status(verdict: Verdict, programmed: bool | None, now: str) -> dict[str, Any]:
    """The binding's whole status. ``programmed`` is None where it is not known yet; ``now`` is RFC 3339, UTC."""
    return {"observedGeneration": verdict.binding.meta.generation, "conditions": []}
