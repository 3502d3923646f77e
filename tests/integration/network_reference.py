"""A second evaluator of NetworkPolicies, written from the Kubernetes API reference alone (NetworkPolicySpec v1).

https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/

It says the same as Cyclonus but where Cyclonus departs from the reference: NotIn holds for objects without the label,
and a label with an empty value is not the same as none.
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from dev.network_policies import Peer, Traffic, Verdict

Json = Mapping[str, Any]


def verdict(policies: Sequence[Json], traffic: Traffic) -> Verdict:
    """What the policies say about an attempt to connect."""
    return Verdict(
        egress=_allowed(policies, "Egress", traffic.source, traffic.destination, traffic),
        ingress=_allowed(policies, "Ingress", traffic.destination, traffic.source, traffic),
    )


def selected(policies: Sequence[Json], pod: Peer) -> list[Json]:
    """The policies that select a pod: those of its namespace whose podSelector matches."""
    return [
        policy
        for policy in policies
        if pod.namespace
        and policy["metadata"]["namespace"] == pod.namespace
        and matches(policy["spec"]["podSelector"], pod.labels)
    ]


def matches(selector: Json, labels: Mapping[str, str]) -> bool:
    """The requirements are ANDed; an empty selector matches everything."""
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        _requirement(each, labels) for each in selector.get("matchExpressions", ())
    )


def _requirement(requirement: Json, labels: Mapping[str, str]) -> bool:
    present, value = requirement["key"] in labels, labels.get(requirement["key"])
    match requirement["operator"]:
        case "In":
            return present and value in requirement["values"]
        case "NotIn":
            return not present or value not in requirement["values"]
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
        case other:
            raise ValueError(other)


def _allowed(policies: Sequence[Json], direction: str, pod: Peer, other: Peer, traffic: Traffic) -> bool:
    """Open to all unless a policy of this direction selects the pod; then to what any of those policies allows."""
    effective = [policy for policy in selected(policies, pod) if direction in policy["spec"]["policyTypes"]]
    rules = [(policy, rule) for policy in effective for rule in policy["spec"].get(direction.lower(), ())]
    return not effective or any(
        _to_peer(policy, rule.get("from" if direction == "Ingress" else "to", ()), other)
        and _to_port(rule.get("ports", ()), traffic)
        for policy, rule in rules
    )


def _to_peer(policy: Json, peers: Sequence[Json], other: Peer) -> bool:
    """Empty or missing: all sources or destinations."""
    return not peers or any(_is_peer(policy, peer, other) for peer in peers)


def _is_peer(policy: Json, peer: Json, other: Peer) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return _within(other.ip, block["cidr"]) and not any(_within(other.ip, each) for each in block.get("except", ()))
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        if not matches(peer["namespaceSelector"], other.namespace_labels):
            return False
    elif other.namespace != policy["metadata"]["namespace"]:
        return False
    return matches(peer.get("podSelector", {}), other.labels)


def _within(address: str, cidr: str) -> bool:
    network = ip_network(cidr)
    return network.version == ip_address(address).version and ip_address(address) in network


def _to_port(ports: Sequence[Json], traffic: Traffic) -> bool:
    """Empty or missing: all ports."""
    return not ports or any(_is_port(port, traffic) for port in ports)


def _is_port(port: Json, traffic: Traffic) -> bool:
    """A port without a number or name matches all; a name is the one that the destination's pod gives the port."""
    if port.get("protocol", "TCP") != traffic.protocol:
        return False
    wanted = port.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted == traffic.port_name
    return int(wanted) <= traffic.port <= int(port.get("endPort", wanted))
