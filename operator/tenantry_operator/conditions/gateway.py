"""The status of a Gateway, computed from an observation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tenantry_config.routing import label, shadowed_by
from tenantry_operator.api.v1alpha1.common import ObjectMeta
from tenantry_operator.api.v1alpha1.routes import in_order, inline_route, route_of
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding, conditions, first_finding, listed
from tenantry_operator.conditions.deployment import deployment_available, has_no_pods
from tenantry_operator.conditions.exposure import http_route_accepted, ingress_ready
from tenantry_operator.conditions.monitoring import monitoring_ready
from tenantry_operator.conditions.network import network_policy_ready
from tenantry_operator.conditions.observation import Observation, Verdict
from tenantry_operator.conditions.secrets import secrets_available
from tenantry_operator.conditions.storage import storage_in_the_way, storage_ready, storage_unfinished
from tenantry_operator.conditions.token import last_request, token_rotated
from tenantry_operator.errors import InvalidObject

KEPT_WITHOUT_DESIRED = ("endpoint", "selector", "configHash", "version")
"""What stays true of the running gateway while its new specification cannot be rendered."""


def gateway_status(seen: Observation, now: str) -> dict[str, Any]:
    """The whole status. ``now`` is RFC 3339, UTC: it only appears where a condition flips."""
    gateway, deployment = seen.gateway, seen.deployment
    accepted = sum(verdict.accepted for verdict in seen.verdicts)
    return {
        "observedGeneration": gateway.meta.generation,
        "conditions": conditions(_findings(seen), gateway.status.get("conditions", ()), gateway.meta.generation, now),
        **_rendered(seen),
        "replicas": deployment.replicas if deployment else 0,
        "readyReplicas": deployment.ready if deployment else 0,
        "agents": len(gateway.spec.agents),
        "bindings": len(gateway.spec.bindings) + accepted,
        "tokenSecretName": gateway.token_secret_name,
        **({"lastTokenRotation": served} if (served := last_request(seen)) else {}),
        **({"volumeSize": seen.claim.capacity} if seen.claim and seen.claim.capacity else {}),
    }


def invalid_gateway_status(
    meta: ObjectMeta, status: Mapping[str, Any], error: InvalidObject, now: str
) -> dict[str, Any]:
    """The status of a Gateway that cannot be parsed: what was there before, and why it is stalled."""
    fault = Finding("False", error.reason, str(error))
    findings = {"Ready": fault, "Stalled": Finding("True", error.reason, str(error)), "ConfigValid": fault}
    found = conditions(findings, status.get("conditions", ()), meta.generation, now)
    return {**status, "observedGeneration": meta.generation, "conditions": found}


def _rendered(seen: Observation) -> dict[str, str]:
    if seen.desired is None:
        return {name: seen.gateway.status[name] for name in KEPT_WITHOUT_DESIRED if name in seen.gateway.status}
    return {
        "endpoint": seen.desired.endpoint,
        "selector": seen.desired.selector,
        "configHash": seen.desired.config_hash,
        "version": seen.desired.image,
    }


def _findings(seen: Observation) -> dict[str, Finding | None]:
    ready = ready_condition(seen)
    stalled = stalled_condition(ready)
    return {
        "Ready": ready,
        "Reconciling": None if stalled else reconciling_condition(seen, ready),
        "Stalled": stalled,
        "ConfigValid": config_valid(seen),
        "SecretsAvailable": secrets_available(seen),
        "StorageReady": storage_ready(seen),
        "DeploymentAvailable": deployment_available(seen),
        "BindingsAccepted": bindings_accepted(seen),
        "NetworkPolicyReady": network_policy_ready(seen),
        **{kind: find(seen) for kind, find in FEATURES.items()},
        "RolloutPending": rollout_pending(seen),
        "TokenRotated": token_rotated(seen),
    }


def _problem(seen: Observation) -> Finding | None:
    return Finding("False", seen.problem.reason, seen.problem.message) if seen.problem else None


def _stalled(seen: Observation) -> Finding | None:
    """A problem that will pass says nothing of the running gateway: it is ready if its pods are."""
    problem = _problem(seen)
    return problem if problem and problem.reason in reasons.STALLED else None


def _secrets(seen: Observation) -> Finding | None:
    found = secrets_available(seen)
    return None if found.status == "True" else Finding("False", found.reason, found.message)


def _deployment(seen: Observation) -> Finding | None:
    found = deployment_available(seen)
    return None if found.status == "True" else _problem(seen) or found


def _network(seen: Observation) -> Finding | None:
    """Whether the policy opens the way to the provider; not what is about to be seen to."""
    found = network_policy_ready(seen)
    return found if found and found.status == "False" and found.reason != reasons.NETWORK_POLICY_MISSING else None


def _network_stalled(seen: Observation) -> Finding | None:
    """A Service that may still come does not make a gateway unready; a destination that is refused does."""
    found = _network(seen)
    return found if found and found.reason in reasons.STALLED else None


def _suspended(seen: Observation) -> Finding | None:
    """Before what keeps pods from running: there shall be none."""
    found = deployment_available(seen)
    if found.reason != reasons.SUSPENDED:
        return None
    return found if has_no_pods(seen) else _problem(seen) or found


FEATURES: Mapping[str, Callable[[Observation], Finding | None]] = {
    "HTTPRouteAccepted": http_route_accepted,
    "IngressReady": ingress_ready,
    "MonitoringReady": monitoring_ready,
}
"""What a gateway runs without: a condition each, while the feature is on."""


def _unfinished_features(seen: Observation) -> list[Finding]:
    found = filter(None, (find(seen) for find in FEATURES.values()))
    return [one for one in found if one.status != "True" and one.reason not in reasons.NOT_AWAITED]


def _stalled_feature(seen: Observation) -> Finding | None:
    stalled = (one for one in _unfinished_features(seen) if one.reason in reasons.STALLED)
    return next((Finding("False", one.reason, one.message) for one in stalled), None)


READY_CHECKS: Sequence[Callable[[Observation], Finding | None]] = (
    _stalled,
    _suspended,
    _secrets,
    _network_stalled,
    storage_in_the_way,
    _deployment,
    _stalled_feature,
)


def ready_condition(seen: Observation) -> Finding:
    """The first thing that is not as it should be, in the order in which a user must fix them."""
    where = f" at {seen.desired.endpoint}" if seen.desired else ""
    return first_finding(READY_CHECKS, seen, Finding("True", reasons.AVAILABLE, f"The gateway is ready{where}."))


def stalled_condition(ready: Finding) -> Finding | None:
    """Nothing gets better until somebody acts: kstatus and Argo CD then say failed instead of in progress."""
    if ready.status == "True" or ready.reason not in reasons.STALLED:
        return None
    return Finding("True", ready.reason, ready.message)


def reconciling_condition(seen: Observation, ready: Finding) -> Finding | None:
    """On its way: not ready yet, or ready without a feature, or with a volume, policy or configuration out of date."""
    at_rest = ready.status == "True" or (ready.reason == reasons.SUSPENDED and has_no_pods(seen))
    feature = next(iter(_unfinished_features(seen)), None)
    passing = _problem(seen) or storage_unfinished(seen) or _network(seen) or feature
    unfinished = passing if at_rest else ready
    if unfinished is not None:
        return Finding("True", unfinished.reason, unfinished.message)
    behind = sorted(pod for pod, served in seen.served.items() if seen.desired and served != seen.desired.config_hash)
    if not behind:
        return None
    message = f"The latest configuration has not reached {listed(behind)} yet."
    return Finding("True", reasons.CONFIG_PENDING, message)


def config_valid(seen: Observation) -> Finding:
    """Whether the specification could be turned into a configuration."""
    if seen.problem and seen.problem.reason in reasons.CONFIG_FAULTS:
        return Finding("False", seen.problem.reason, seen.problem.message)
    if seen.desired is None:
        return Finding("Unknown", reasons.NOT_RENDERED, "The configuration has not been rendered yet.")
    if seen.gateway.default_agent is None:
        message = (
            "The configuration is valid, but without a default agent: a message that no binding matches gets an "
            'error. Fix: set spec.defaultAgent, or call one agent "main".'
        )
        return Finding("True", reasons.NO_DEFAULT_AGENT, message)
    return Finding("True", reasons.VALID, "The configuration is valid.")


def rollout_pending(seen: Observation) -> Finding | None:
    """True while the operator's new default image has not come to this Gateway; absent otherwise."""
    if not seen.waits_for_image:
        return None
    message = (
        "The operator's default image has changed, and this gateway still runs the earlier one until its turn comes. "
        "To have it now, or to keep what runs: set spec.image."
    )
    return Finding("True", reasons.ROLLOUT_QUEUED, message)


def bindings_accepted(seen: Observation) -> Finding:
    """Names the AgentBindings that are not accepted, and inline bindings that never apply.

    What another namespace gets wrong is a note and no trouble of the Gateway's; what it does not consent to is nothing.
    """
    rejected = [verdict for verdict in seen.verdicts if not verdict.accepted and not verdict.stranger]
    own = [verdict for verdict in rejected if not verdict.binding.foreign]
    note = _notes(seen, [verdict for verdict in rejected if verdict.binding.foreign])
    namespace = seen.gateway.meta.namespace
    if seen.blind_selectors is not None:
        return Finding("False", seen.blind_selectors.reason, seen.blind_selectors.message + note)
    if own:
        message = f"AgentBindings not accepted: {_named(own)}. See: kubectl -n {namespace} get tab -o wide.{note}"
        return Finding("False", reasons.BINDINGS_REJECTED, message)
    accepted = sum(verdict.accepted for verdict in seen.verdicts)
    return Finding("True", reasons.ALL_ACCEPTED, f"AgentBindings accepted: {accepted}.{note}")


def _notes(seen: Observation, foreign: Sequence[Verdict]) -> str:
    """What is not in effect, though nothing is wrong with the Gateway."""
    hidden = _hidden_inline_bindings(seen)
    note = f" Not accepted from other namespaces: {_named(foreign)}." if foreign else ""
    if hidden:
        note += f" These never apply, since others take the same messages: {listed(hidden)}."
    return note


def _named(verdicts: Sequence[Verdict]) -> str:
    return listed(f"{'/'.join(verdict.binding.key)} ({verdict.reason})" for verdict in verdicts)


def _hidden_inline_bindings(seen: Observation) -> list[str]:
    """``spec.bindings[2] (by bindings[0])`` for each inline binding that another one shadows."""
    try:
        inline = [inline_route(binding, index) for index, binding in enumerate(seen.gateway.spec.bindings)]
    except InvalidObject:
        return []
    accepted = in_order(verdict.binding for verdict in seen.verdicts if verdict.accepted)
    routes = [*inline, *(route_of(binding) for binding in accepted)]
    return [
        f"spec.bindings[{loser}] (by {label(routes[winner], winner)})"
        for loser, winner in sorted(shadowed_by(routes).items())
        if loser < len(inline)
    ]
