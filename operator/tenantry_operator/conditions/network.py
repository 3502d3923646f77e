"""NetworkPolicyReady: whether the policy is there and opens the way to the provider.

Of a Service in another namespace a message tells no more than its DNS name and a connection would: that it exists, and
whether it has pods and the port.
"""

from __future__ import annotations

from typing import assert_never

from tenantry_operator.api.v1alpha1.gateway import child_name
from tenantry_operator.api.v1alpha1.upstream import Host, Internet, Obstacle, Pods, Unresolved
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding
from tenantry_operator.conditions.observation import Observation

URL = "spec.provider.baseURL"
EGRESS = "spec.networkPolicy.egress"

_SERVICE = f"Service {{namespace}}/{{name}}, which {URL} names,"
_SEE = "See: kubectl -n {namespace} get service {name}"
OBSTACLES = {
    Obstacle.SERVICE_MISSING: (
        reasons.BASE_URL_SERVICE_MISSING,
        f"{_SERVICE} does not exist: the policy opens no way to it. Fix: create it, or correct {URL}. {_SEE}",
    ),
    Obstacle.SERVICE_PORT_MISSING: (
        reasons.BASE_URL_PORT_MISSING,
        f"{_SERVICE} has no TCP port {{port}}: the policy opens no way to it. Fix: add the port to the Service, or "
        f"correct {URL}. {_SEE}",
    ),
    Obstacle.SERVICE_WITHOUT_SELECTOR: (
        reasons.BASE_URL_WITHOUT_SELECTOR,
        f"{_SERVICE} has no selector, so it is not known which addresses are behind it. Fix: name them in {EGRESS}. "
        f"{_SEE}",
    ),
    Obstacle.SERVICE_UNKNOWN: (
        reasons.BASE_URL_OUT_OF_SIGHT,
        f"{_SERVICE} is in a namespace at which the operator does not look (its option --namespaces). Fix: name the "
        f"Service's pods in {EGRESS}",
    ),
    Obstacle.NO_SERVICE_NAME: (
        reasons.BASE_URL_REFUSED,
        f"{{host}} ({URL}) is a name within the cluster, but not that of a Service. Fix: write SERVICE.NAMESPACE.svc, "
        f"or name the destination in {EGRESS}",
    ),
    Obstacle.ADDRESS_REFUSED: (
        reasons.BASE_URL_REFUSED,
        f"{{host}} ({URL}) leads to the pod itself, to its node, to the cloud's metadata or nowhere: the policy does "
        f"not open that. Fix: correct {URL}, or if it is meant, name it in {EGRESS}",
    ),
}
"""Reason and message by what stands in the way."""

LEFT_TO_EGRESS = frozenset(
    {
        Obstacle.SERVICE_UNKNOWN,
        Obstacle.SERVICE_WITHOUT_SELECTOR,
        Obstacle.NO_SERVICE_NAME,
        Obstacle.ADDRESS_REFUSED,
    }
)
"""Where the way can only be opened by a rule of the Gateway's own."""


def network_policy_ready(seen: Observation) -> Finding | None:
    """None where the Gateway wants no policy."""
    spec = seen.gateway.spec
    if not spec.network_policy.enabled:
        return None
    name = f"NetworkPolicy {seen.gateway.meta.namespace}/{child_name(seen.gateway.meta.name)}"
    if not seen.policy_exists:
        return Finding("False", reasons.NETWORK_POLICY_MISSING, f"{name} has not been created yet.")
    upstream = seen.upstream
    if not isinstance(upstream, Unresolved):
        return Finding("True", reasons.POLICY_APPLIED, f"{name} is in place. {_opened(upstream)}")
    if upstream.obstacle in LEFT_TO_EGRESS and spec.network_policy.egress:
        message = f"{name} is in place. It opens no way to {upstream.host} ({URL}) by itself; a rule in {EGRESS} must."
        return Finding("True", reasons.LEFT_TO_EGRESS, message)
    return _obstacle(upstream)


def _opened(upstream: Pods | Host | Internet | None) -> str:
    match upstream:
        case None:
            return "The gateway reaches HTTPS on the internet."
        case Pods(service):
            return f"The gateway reaches the pods of Service {service} ({URL}), and HTTPS on the internet."
        case Host(address, port):
            return f"The gateway reaches {address} at port {port} ({URL}), and HTTPS on the internet."
        case Internet(host, port):
            return f"{host} ({URL}) is taken for a host on the internet; the gateway reaches port {port} there."
        case _:
            assert_never(upstream)


def _obstacle(found: Unresolved) -> Finding:
    reason, message = OBSTACLES[found.obstacle]
    namespace, name = found.service.key if found.service else ("", "")
    facts = {"host": found.host, "port": found.port, "namespace": namespace, "name": name}
    return Finding("False", reason, message.format(**facts))
