"""The NetworkPolicy of the gateway's pods: nothing gets in or out but what is said here (``docs/network.md``).

Rules are in the API server's canonical form: every port with its protocol, no empty list or map but the selectors that
mean "all".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.network import EgressRule, IPBlock, NetworkPolicyPeer, NetworkPolicyPort
from tenantry_operator.api.v1alpha1.selectors import LabelSelector
from tenantry_operator.api.v1alpha1.upstream import HTTPS_PORT, Host, Internet, Pods, Upstream
from tenantry_operator.cluster_network import ClusterNetwork, PodSet
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import GATEWAY_LABEL, metadata, selector

Network = IPv4Network | IPv6Network

_network = lru_cache(maxsize=1024)(ip_network)
"""The same few networks are in every tenant's policy, and parsing them took most of the time that one takes."""

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""Set by the API server on every namespace; nobody can change it."""

NOT_THE_INTERNET = {
    "0.0.0.0/0": (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; pods and services of some clouds, metadata of Alibaba Cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the platform's services on Azure
        "169.254.0.0/16",  # link-local: metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast; pods of some clusters
    ),
    # All that is assigned for global use. What is not in it: loopback, mapped and translated IPv4 (::ffff:0:0/96,
    # 64:ff9b::/96), unique local (fc00::/7, also metadata: fd00:ec2::254), link-local (fe80::/10), multicast.
    "2000::/3": (
        "2001::/23",  # protocol assignments, Teredo tunnels to IPv4
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 tunnels to IPv4
        "3fff::/20",  # documentation
    ),
}
"""Networks that hold the internet, and the parts of them that are something else: IANA's special-purpose registries."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a policy depends on besides the Gateway."""

    network: ClusterNetwork = field(default_factory=ClusterNetwork)
    upstream: Upstream | None = None
    """Where the Gateway's base URL leads; None without one."""


def build_network_policy(gateway: Gateway, surroundings: Surroundings) -> Manifest | None:
    """Deny by default; None if the Gateway wants no policy."""
    wanted, network = gateway.spec.network_policy, surroundings.network
    if not wanted.enabled:
        return None
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(gateway),
        "spec": {
            "podSelector": {"matchLabels": selector(gateway.meta.name)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [_ingress(gateway, network)],
            "egress": [
                *_dns(network),
                *_internet(HTTPS_PORT, network),
                *_to_upstream(surroundings),
                *map(_egress, wanted.egress),
            ],
        },
    }


def _ingress(gateway: Gateway, network: ClusterNetwork) -> dict[str, Any]:
    namespaces = sorted({*network.ingress_namespaces, *network.monitoring_namespaces})
    trusted = [{"namespaceSelector": _named(*namespaces)}] if namespaces else []
    return {
        "from": [
            _pods(network.operator),
            # The Gateway's own namespace; but not the pods of its other Gateways, which are other tenants.
            {"podSelector": {"matchExpressions": [{"key": GATEWAY_LABEL, "operator": "DoesNotExist"}]}},
            {"podSelector": {"matchLabels": {GATEWAY_LABEL: gateway.meta.name}}},
            *trusted,
            *map(_peer, gateway.spec.network_policy.ingress_from),
        ],
        "ports": [_tcp(gateway.spec.port)],
    }


def _dns(network: ClusterNetwork) -> list[dict[str, Any]]:
    """Nobody is asked for names where no server is configured."""
    servers = [*map(_pods, network.dns_pods), *({"ipBlock": {"cidr": cidr}} for cidr in network.dns_networks)]
    ports = [{"protocol": protocol, "port": port} for port in network.dns_ports for protocol in ("UDP", "TCP")]
    return [{"to": servers, "ports": ports}] if servers else []


def _internet(port: int, network: ClusterNetwork) -> list[dict[str, Any]]:
    """No rule at all where nothing counts as the internet: one without destinations would allow everything."""
    internal = tuple(map(_network, network.internal_networks))
    blocks = [
        {"ipBlock": {"cidr": cidr, "except": [*left_out, *_parts(cidr, left_out, internal)]}}
        for cidr, left_out in NOT_THE_INTERNET.items()
        if not any(_within(_network(cidr), each) for each in internal)
    ]
    return [{"to": blocks, "ports": [_tcp(port)]}] if blocks else []


def _parts(cidr: str, left_out: Iterable[str], internal: Iterable[Network]) -> Iterator[str]:
    """Internal networks that are part of ``cidr`` and not left out already."""
    outer, known = _network(cidr), tuple(map(_network, left_out))
    for each in internal:
        if _within(each, outer) and not any(_within(each, other) for other in known):
            yield str(each)


def _within(inner: Network, outer: Network) -> bool:
    same = inner.version == outer.version
    return same and inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def _to_upstream(surroundings: Surroundings) -> list[dict[str, Any]]:
    """The way to the base URL's host, where HTTPS to the internet is not it already."""
    match surroundings.upstream:
        case Pods(service, labels, port):
            return [{"to": [_pods(PodSet(service.namespace, labels))], "ports": [_tcp(port)]}]
        case Host(address, port):
            return [{"to": [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}], "ports": [_tcp(port)]}]
        case Internet(port=port) if port != HTTPS_PORT:
            return _internet(port, surroundings.network)
        case _:
            return []


def _egress(rule: EgressRule) -> dict[str, Any]:
    ports = {"ports": list(map(_port, rule.ports))} if rule.ports else {}
    return {"to": list(map(_peer, rule.to)), **ports}


def _port(port: NetworkPolicyPort) -> dict[str, Any]:
    found = {"protocol": port.protocol or "TCP", "port": port.port, "endPort": port.end_port}
    return {name: value for name, value in found.items() if value is not None}


def _tcp(port: int | str) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}


def _peer(peer: NetworkPolicyPeer) -> dict[str, Any]:
    if peer.ip_block is not None:
        return {"ipBlock": _ip_block(peer.ip_block)}
    selectors = {"podSelector": peer.pod_selector, "namespaceSelector": peer.namespace_selector}
    return {name: _label_selector(found) for name, found in selectors.items() if found is not None}


def _ip_block(block: IPBlock) -> dict[str, Any]:
    """As Kubernetes wants addresses written: it warns of an IPv6 address that is not in canonical form."""
    left_out = {"except": list(map(_canonical, block.except_))} if block.except_ else {}
    return {"cidr": _canonical(block.cidr), **left_out}


def _canonical(cidr: str) -> str:
    return str(_network(cidr))


def _label_selector(found: LabelSelector) -> dict[str, Any]:
    """An empty selector stays empty: it selects all."""
    labels = {"matchLabels": dict(found.match_labels)} if found.match_labels else {}
    expressions = [
        {"key": each.key, "operator": each.operator, **({"values": list(each.values)} if each.values else {})}
        for each in found.match_expressions
    ]
    return {**labels, **({"matchExpressions": expressions} if expressions else {})}


def _pods(pods: PodSet) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": dict(pods.labels)}, "namespaceSelector": _named(pods.namespace)}


def _named(*namespaces: str) -> dict[str, Any]:
    """Namespaces by name."""
    if len(namespaces) == 1:
        return {"matchLabels": {NAMESPACE_NAME_LABEL: namespaces[0]}}
    return {"matchExpressions": [{"key": NAMESPACE_NAME_LABEL, "operator": "In", "values": list(namespaces)}]}
