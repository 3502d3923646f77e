"""Decides about AgentBindings and says so in their status."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tenantry_config.document import BindingConfig
from tenantry_config.routing import shadowed_by
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.common import ObjectMeta
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.routes import in_order, inline_route, route_of
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding, conditions, listed
from tenantry_operator.conditions.observation import Observation, Problem, Verdict
from tenantry_operator.errors import InvalidObject

__all__ = ["Verdict", "binding_status", "invalid_binding_status", "judge", "programmed"]


def judge(
    gateway: Gateway | None, bindings: Sequence[AgentBinding], fault: Problem | None = None
) -> tuple[Verdict, ...]:
    """One verdict for each binding of one Gateway, in the same order.

    ``gateway`` is None where none of that name exists, or where it could not be parsed; then ``fault`` says why.
    """
    if gateway is None:
        return tuple(_without_gateway(binding, fault) for binding in bindings)
    faults = {binding.key: _fault(gateway, binding) for binding in bindings}
    accepted = in_order(binding for binding in bindings if faults[binding.key] is None)
    winners = _winners(gateway, accepted)
    return tuple(_verdict(binding, faults[binding.key], winners.get(binding.key)) for binding in bindings)


def _without_gateway(binding: AgentBinding, fault: Problem | None) -> Verdict:
    namespace, name = binding.gateway_key
    if fault is not None:
        return Verdict(binding, False, reasons.GATEWAY_INVALID, f"Gateway {namespace}/{name}: {fault.message}")
    message = (
        f"Gateway {namespace}/{name} does not exist. Fix: correct spec.gatewayRef.name or create it; "
        f"what is there: kubectl -n {namespace} get tgw"
    )
    return Verdict(binding, False, reasons.GATEWAY_NOT_FOUND, message)


def _verdict(binding: AgentBinding, fault: Problem | None, winner: str | None) -> Verdict:
    if fault is not None:
        return Verdict(binding, False, fault.reason, fault.message)
    return Verdict(binding, True, reasons.ACCEPTED, "The route is valid.", winner)


def _agent_is_unknown(gateway: Gateway, binding: AgentBinding) -> Problem | None:
    agent, agents = binding.spec.agent_id, sorted(gateway.spec.agents)
    if agent in agents:
        return None
    namespace, name = binding.key
    near = difflib.get_close_matches(agent, agents, n=1)
    fix = f"""patch tab {name} --type merge -p '{{"spec":{{"agentId":"{near[0]}"}}}}'""" if near else f"edit tab {name}"
    message = (
        f'Gateway {"/".join(gateway.key)} has no agent "{agent}" (its agents: {listed(agents)}). '
        f"Fix: kubectl -n {namespace} {fix}"
    )
    return Problem(reasons.AGENT_NOT_FOUND, message)


def _route_is_refused(gateway: Gateway, binding: AgentBinding) -> Problem | None:  # noqa: ARG001 - a check's signature
    try:
        route_of(binding)
    except InvalidObject as error:
        namespace, name = binding.key
        return Problem(reasons.INVALID_BINDING, f"{error}. Fix: kubectl -n {namespace} edit tab {name}")
    return None


CHECKS: Sequence[Callable[[Gateway, AgentBinding], Problem | None]] = (_agent_is_unknown, _route_is_refused)


def _fault(gateway: Gateway, binding: AgentBinding) -> Problem | None:
    return next(filter(None, (check(gateway, binding) for check in CHECKS)), None)


def _winners(gateway: Gateway, accepted: Sequence[AgentBinding]) -> dict[tuple[str, str], str]:
    """Key of each shadowed binding → the one that always wins over it, as a person would name it."""
    inline: list[BindingConfig] = []
    for index, binding in enumerate(gateway.spec.bindings):
        try:
            inline.append(inline_route(binding, index))
        except InvalidObject:
            return {}  # Nothing of this Gateway is rendered: its own status says why.
    routes = [*inline, *map(route_of, accepted)]
    names = [f"spec.bindings[{index}] of Gateway {'/'.join(gateway.key)}" for index in range(len(inline))]
    names += [f"AgentBinding {'/'.join(binding.key)}" for binding in accepted]
    offset = len(inline)
    return {
        accepted[loser - offset].key: names[winner] for loser, winner in shadowed_by(routes).items() if loser >= offset
    }


def programmed(seen: Observation) -> bool | None:
    """Whether every ready pod serves the desired configuration; None where no pod is known not to."""
    ready = [pod for pod in seen.pods if pod.ready and not pod.deleting]
    if seen.desired is None or not ready:
        return False
    served = {seen.served.get(pod.name) for pod in ready}
    if served - {None, seen.desired.config_hash}:
        return False
    return None if None in served else True


def binding_status(verdict: Verdict, programmed: bool | None, now: str) -> dict[str, Any]:
    """The binding's whole status. ``programmed`` is None where it is not known; ``now`` is RFC 3339, UTC."""
    meta = verdict.binding.meta
    previous: Sequence[Mapping[str, Any]] = verdict.binding.status.get("conditions", ())
    findings = {
        "Accepted": Finding("True" if verdict.accepted else "False", verdict.reason, verdict.message),
        "ResolvedRefs": _resolved(verdict),
        "Programmed": _programmed(verdict, programmed, previous),
        "Conflicted": _conflicted(verdict),
    }
    return {
        "observedGeneration": meta.generation,
        "conditions": conditions(findings, previous, meta.generation, now),
    }


def invalid_binding_status(
    meta: ObjectMeta, status: Mapping[str, Any], error: InvalidObject, now: str
) -> dict[str, Any]:
    """The status of an AgentBinding that cannot be parsed."""
    findings = {
        "Accepted": Finding("False", reasons.INVALID_BINDING, str(error)),
        "Programmed": Finding("False", reasons.NOT_ACCEPTED, "The binding is not accepted."),
    }
    found = conditions(findings, status.get("conditions", ()), meta.generation, now)
    return {"observedGeneration": meta.generation, "conditions": found}


def _resolved(verdict: Verdict) -> Finding:
    if verdict.reason in reasons.UNRESOLVED:
        return Finding("False", verdict.reason, verdict.message)
    if verdict.reason == reasons.GATEWAY_INVALID:
        return Finding("Unknown", verdict.reason, verdict.message)
    return Finding("True", reasons.RESOLVED, "The Gateway and its agent exist.")


def _programmed(verdict: Verdict, programmed: bool | None, previous: Sequence[Mapping[str, Any]]) -> Finding:
    """Once served, a route stays so until it changes itself.

    The pods keep it through the changes of others and through their own restarts: no need to write the status of
    every binding twice whenever one of them changes, or when the operator starts and has asked no pod yet.
    """
    if not verdict.accepted:
        return Finding("False", reasons.NOT_ACCEPTED, "The binding is not accepted.")
    before = next((one for one in previous if one.get("type") == "Programmed"), {})
    same = before.get("observedGeneration") == verdict.binding.meta.generation
    if programmed or (same and before.get("status") == "True"):
        return Finding("True", reasons.PROGRAMMED, "Every ready pod of the gateway serves this route.")
    message = "Not every pod of the gateway serves this route yet; the Gateway's Ready condition says how it stands."
    return Finding("False", reasons.PENDING, message)


def _conflicted(verdict: Verdict) -> Finding | None:
    if not verdict.accepted or verdict.shadowed_by is None:
        return None
    message = (
        f"{verdict.shadowed_by} takes the same messages and comes first (the higher priority does, then inline "
        "bindings, then the older). Fix: narrow one match, change a priority, or delete one of them."
    )
    return Finding("True", reasons.SHADOWED, message)
