"""Decides about AgentBindings and says so in their status."""

from __future__ import annotations

import difflib
from collections.abc import Container, Mapping, Sequence
from typing import Any

from tenantry_config.document import BindingConfig
from tenantry_config.routing import shadowed_by
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.common import ObjectMeta
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.routes import in_order, inline_route, route_of
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding, conditions, listed
from tenantry_operator.conditions.consent import (
    Consent,
    Key,
    LabelsOf,
    foreign_fault,
    not_there,
    surplus,
    unknown_labels,
)
from tenantry_operator.conditions.observation import Observation, Problem, RouteId, Verdict
from tenantry_operator.errors import InvalidObject

__all__ = ["Verdict", "binding_status", "invalid_binding_status", "judge", "programmed"]


def judge(
    gateway: Gateway | None,
    bindings: Sequence[AgentBinding],
    fault: Problem | None = None,
    *,
    labels_of: LabelsOf = unknown_labels,
    fitting: Container[Key] | None = None,
) -> tuple[Verdict, ...]:
    """One verdict for each binding of one Gateway, in the same order.

    Args:
        gateway: None where none of that name exists, or where it could not be parsed.
        bindings: all that refer to it.
        fault: why it could not be parsed. Other namespaces are not told: what it allows is not known.
        labels_of: labels of other namespaces.
        fitting: keys of the bindings whose routes fit into the configuration; None where all do.
    """
    if gateway is None:
        return tuple(_without_gateway(binding, fault) for binding in bindings)
    consent = Consent(gateway, labels_of)
    faults = {binding.key: _fault(gateway, binding, consent) for binding in bindings}
    faults |= surplus(in_order(binding for binding in bindings if faults[binding.key] is None), fitting)
    accepted = in_order(binding for binding in bindings if faults[binding.key] is None)
    winners = _winners(gateway, accepted)
    suspended = gateway.replicas == 0
    return tuple(_verdict(binding, faults[binding.key], winners.get(binding.key), suspended) for binding in bindings)


def _without_gateway(binding: AgentBinding, fault: Problem | None) -> Verdict:
    if fault is not None and not binding.foreign:
        message = f"Gateway {'/'.join(binding.gateway_key)}: {fault.message}"
        return Verdict(binding, False, reasons.GATEWAY_INVALID, message)
    return _verdict(binding, not_there(binding), None)


def _verdict(binding: AgentBinding, fault: Problem | None, winner: str | None, suspended: bool = False) -> Verdict:
    if fault is not None:
        return Verdict(binding, False, fault.reason, fault.message)
    return Verdict(binding, True, reasons.ACCEPTED, "The route is valid.", winner, suspended)


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


def _route_is_refused(binding: AgentBinding) -> Problem | None:
    try:
        route_of(binding)
    except InvalidObject as error:
        namespace, name = binding.key
        return Problem(reasons.INVALID_BINDING, f"{error}. Fix: kubectl -n {namespace} edit tab {name}")
    return None


def _fault(gateway: Gateway, binding: AgentBinding, consent: Consent) -> Problem | None:
    """The first thing that is wrong with a binding by itself. Consent comes first: it decides what may be told."""
    if binding.foreign:
        fault = foreign_fault(gateway, binding, consent.rules_about(binding.meta.namespace))
    else:
        fault = _agent_is_unknown(gateway, binding)
    return fault or _route_is_refused(binding)


def _winners(gateway: Gateway, accepted: Sequence[AgentBinding]) -> dict[tuple[str, str], str]:
    """Key of each shadowed binding → the one that always wins over it, as a person would name it."""
    inline: list[BindingConfig] = []
    for index, binding in enumerate(gateway.spec.bindings):
        try:
            inline.append(inline_route(binding, index))
        except InvalidObject:
            return {}  # Nothing of this Gateway is rendered: its own status says why.
    routes = [*inline, *map(route_of, accepted)]
    offset = len(inline)
    return {
        accepted[loser - offset].key: _named(gateway, accepted, winner - offset, accepted[loser - offset])
        for loser, winner in shadowed_by(routes).items()
        if loser >= offset
    }


def _named(gateway: Gateway, accepted: Sequence[AgentBinding], winner: int, told: AgentBinding) -> str:
    """A route (an inline one where ``winner`` is negative) as the binding that is told may know it."""
    route = accepted[winner] if winner >= 0 else None
    if told.foreign and (route is None or not route.foreign):
        return "A route of the Gateway's own namespace"
    if route is None:
        return f"spec.bindings[{winner + len(gateway.spec.bindings)}] of Gateway {'/'.join(gateway.key)}"
    if told.foreign and route.meta.namespace != told.meta.namespace:
        return "An AgentBinding of another namespace"
    return f"AgentBinding {'/'.join(route.key)}"


def programmed(seen: Observation) -> frozenset[RouteId] | None:
    """The routes that every ready pod serves, going by the configuration that it reports; None without a ready pod."""
    ready = [pod for pod in seen.pods if pod.ready and not pod.deleting]
    if not ready:
        return None
    nothing: frozenset[RouteId] = frozenset()
    return frozenset.intersection(*(seen.contents.get(seen.served.get(pod.name, ""), nothing) for pod in ready))


def binding_status(verdict: Verdict, programmed: frozenset[RouteId] | None, now: str) -> dict[str, Any]:
    """The binding's whole status. ``programmed`` are the routes served; ``now`` is RFC 3339, UTC."""
    meta = verdict.binding.meta
    previous: Sequence[Mapping[str, Any]] = verdict.binding.status.get("conditions", ())
    served, conflicted = _programmed(verdict, programmed), _conflicted(verdict)
    findings = {
        "Accepted": Finding("True" if verdict.accepted else "False", verdict.reason, verdict.message),
        "ResolvedRefs": _resolved(verdict),
        "Programmed": served,
        "Conflicted": conflicted,
        "Reconciling": None if conflicted else _reconciling(verdict, served),
        "Stalled": conflicted or _stalled(verdict),
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
        "Stalled": Finding("True", reasons.INVALID_BINDING, str(error)),
    }
    found = conditions(findings, status.get("conditions", ()), meta.generation, now)
    return {"observedGeneration": meta.generation, "conditions": found}


def _resolved(verdict: Verdict) -> Finding:
    if verdict.reason in reasons.UNRESOLVED:
        return Finding("False", verdict.reason, verdict.message)
    if verdict.reason == reasons.GATEWAY_INVALID:
        return Finding("Unknown", verdict.reason, verdict.message)
    return Finding("True", reasons.RESOLVED, "The Gateway and its agent exist.")


def _programmed(verdict: Verdict, programmed: frozenset[RouteId] | None) -> Finding:
    """True only while every ready pod reports a configuration that holds this very route.

    It may be an older configuration than the latest: so the change of one binding does not flip the others.
    """
    if not verdict.accepted:
        return Finding("False", reasons.NOT_ACCEPTED, "The binding is not accepted.")
    if programmed is not None and verdict.binding.route_id in programmed:
        return Finding("True", reasons.PROGRAMMED, "Every ready pod of the gateway serves this route.")
    namespace, name = verdict.binding.gateway_key
    see = "" if verdict.binding.foreign else f" See: kubectl -n {namespace} describe tgw {name}"
    if programmed is None and verdict.suspended:
        return Finding("False", reasons.GATEWAY_SUSPENDED, f"The gateway is suspended: it has no pods for now.{see}")
    if programmed is None:
        return Finding("False", reasons.NO_READY_PODS, f"No pod of the gateway is ready.{see}")
    return Finding("False", reasons.PENDING, f"Not every ready pod of the gateway serves this route yet.{see}")


def _conflicted(verdict: Verdict) -> Finding | None:
    if not verdict.accepted or verdict.shadowed_by is None:
        return None
    message = (
        f"{verdict.shadowed_by} takes the same messages and comes first (the Gateway's own namespace does, then the "
        "higher priority, then inline bindings, then the older). Fix: narrow the match, change a priority, or delete "
        "one of them."
    )
    return Finding("True", reasons.SHADOWED, message)


def _reconciling(verdict: Verdict, programmed: Finding) -> Finding | None:
    """On its way: for kstatus, which knows neither Accepted nor Programmed and would call the binding current."""
    if not verdict.accepted or programmed.status == "True" or programmed.reason == reasons.GATEWAY_SUSPENDED:
        return None
    return Finding("True", programmed.reason, programmed.message)


def _stalled(verdict: Verdict) -> Finding | None:
    """Without effect until somebody acts."""
    return None if verdict.accepted else Finding("True", verdict.reason, verdict.message)
