"""Who may attach AgentBindings to a Gateway, and how many of them it takes.

The namespace is the boundary of trust. A binding of another namespace learns of a Gateway only what the Gateway's own
``spec.allowedBindings`` lets it: what is not allowed looks exactly like what is not there, word for word, and nothing
names the agents, routes or owners on the other side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Sequence
from functools import lru_cache

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.allowed_bindings import AllowedBindings, Labels
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.observation import Problem

MAX_ACCEPTED = 1000
"""AgentBindings of one Gateway. A message looks at each of them, and a person should still find their way."""
MAX_ACCEPTED_FOREIGN = 100
"""AgentBindings of one other namespace at one Gateway, so that none crowds out the others."""

Key = tuple[str, str]
LabelsOf = Callable[[str], Labels | None]
"""Labels of a namespace; None where they are not known."""


def unknown_labels(namespace: str) -> Labels | None:  # noqa: ARG001 - the signature of LabelsOf
    """For where no namespace's labels are known: then no selector matches."""
    return None


def not_there(binding: AgentBinding) -> Problem:
    """What a binding is told of a Gateway that it may not know, be there none or one that does not consent."""
    return _not_there(binding.gateway_key, binding.meta.namespace)


@lru_cache(maxsize=4096)
def _not_there(gateway: Key, own: str) -> Problem:
    namespace, name = gateway
    if namespace == own:
        message = (
            f"Gateway {namespace}/{name} does not exist, or is being deleted. Fix: correct spec.gatewayRef.name or "
            f"create it; what is there: kubectl -n {namespace} get tgw"
        )
    else:
        message = (
            f"Gateway {namespace}/{name} does not exist, or its spec.allowedBindings does not allow AgentBindings of "
            f"namespace {own}. Fix: correct spec.gatewayRef, or ask the owners of namespace {namespace} to allow "
            f"namespace {own}"
        )
    return Problem(reasons.GATEWAY_NOT_FOUND, message)


class Consent:
    """A Gateway's rules, looked up once a namespace: there may be thousands of bindings of one."""

    def __init__(self, gateway: Gateway, labels_of: LabelsOf) -> None:
        self._all = gateway.spec.allowed_bindings
        self._labels_of = labels_of
        self._known: dict[str, tuple[AllowedBindings, ...]] = {}

    def rules_about(self, namespace: str) -> tuple[AllowedBindings, ...]:
        """The rules that are about a namespace."""
        if namespace not in self._known:
            labels = self._labels_of(namespace)
            self._known[namespace] = tuple(rule for rule in self._all if rule.namespaces.include(namespace, labels))
        return self._known[namespace]


def foreign_fault(gateway: Gateway, binding: AgentBinding, rules: Sequence[AllowedBindings]) -> Problem | None:
    """Why a binding of another namespace is not taken, told so that an agent not allowed looks like none at all."""
    if not rules:
        return not_there(binding)
    subject, own = "/".join(gateway.key), binding.meta.namespace
    agent, channel = binding.spec.agent_id, binding.spec.match.channel
    about_agent = [rule for rule in rules if rule.allows_agent(agent)]
    if agent not in gateway.spec.agents or not about_agent:
        message = (
            f'Gateway {subject} has no agent "{agent}" for AgentBindings of namespace {own}. '
            f"Fix: correct spec.agentId, or ask the Gateway's owners to allow it in spec.allowedBindings"
        )
        return Problem(reasons.AGENT_NOT_FOUND, message)
    if any(rule.allows_channel(channel) for rule in about_agent):
        return None
    allowed = ", ".join(sorted({name for rule in about_agent for name in rule.channels or ()}))
    message = (
        f'Gateway {subject} allows AgentBindings of namespace {own} to take messages for agent "{agent}" from the '
        f'channels {allowed}, not "{channel}". Fix: correct spec.match.channel, or ask the Gateway\'s owners to allow '
        "it in spec.allowedBindings"
    )
    return Problem(reasons.CHANNEL_NOT_ALLOWED, message)


def surplus(seniority: Sequence[AgentBinding], fitting: Container[Key] | None) -> dict[Key, Problem]:
    """Which of the bindings, in the order of their seniority, a Gateway does not take any more, and why.

    ``fitting`` holds the keys of those whose routes fit into the configuration, None where all do.
    """
    taken: Counter[str] = Counter()
    found = {}
    for binding in seniority:
        namespace = binding.meta.namespace
        if taken.total() >= MAX_ACCEPTED or (fitting is not None and binding.key not in fitting):
            found[binding.key] = _full(binding)
        elif binding.foreign and taken[namespace] >= MAX_ACCEPTED_FOREIGN:
            found[binding.key] = _too_many(binding)
        else:
            taken[namespace] += 1
    return found


def _full(binding: AgentBinding) -> Problem:
    message = (
        f"The configuration of Gateway {'/'.join(binding.gateway_key)} is full: it takes {MAX_ACCEPTED} AgentBindings "
        "and 1 MiB, those of its own namespace first, then the older first. Fix: delete bindings that nobody needs, "
        "or use another Gateway"
    )
    return Problem(reasons.TOO_MANY_BINDINGS, message)


def _too_many(binding: AgentBinding) -> Problem:
    message = (
        f"Gateway {'/'.join(binding.gateway_key)} takes {MAX_ACCEPTED_FOREIGN} AgentBindings of another namespace, "
        f"the older first, and namespace {binding.meta.namespace} has more. Fix: delete some of them"
    )
    return Problem(reasons.TOO_MANY_BINDINGS, message)
