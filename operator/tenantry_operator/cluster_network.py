"""What the operator is told of the cluster's network, and how that is written on a command line."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_LABEL = re.compile(rf"(?P<key>({_SUBDOMAIN}/)?{_NAME})=(?P<value>({_NAME})?)")
_SEPARATORS = re.compile(r"[,\s]+")


@dataclass(frozen=True, slots=True)
class PodSet:
    """Pods of one namespace that have all these labels."""

    namespace: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClusterNetwork:
    """Where things are in this cluster; the defaults are those of most clusters."""

    operator: PodSet = field(
        default_factory=lambda: PodSet("tenantry-system", {"app.kubernetes.io/name": "tenantry-operator"})
    )
    """The operator's own pods, which ask the gateways what they serve."""
    ingress_namespaces: tuple[str, ...] = ()
    """Namespaces of ingress controllers, which may reach every gateway."""
    monitoring_namespaces: tuple[str, ...] = ()
    """Namespaces of what scrapes metrics, which may reach every gateway."""
    dns_pods: tuple[PodSet, ...] = field(
        default_factory=lambda: (PodSet("kube-system", {"k8s-app": "kube-dns"}),),
    )
    """The cluster's DNS servers."""
    dns_networks: tuple[str, ...] = ("169.254.20.10/32",)
    """Addresses of DNS servers that are not pods, as networks: NodeLocal DNSCache."""
    dns_ports: tuple[int, ...] = (53,)
    """Ports on which the DNS servers listen, for UDP and TCP."""
    internal_networks: tuple[str, ...] = ()
    """Networks that are not the internet although their addresses are public: nodes, pods, the API server."""
    cluster_domain: str = "cluster.local"
    """What names of Services end in."""


def parse_names(text: str) -> tuple[str, ...]:
    """Namespaces, separated by commas or spaces; sorted, each once.

    Raises:
        ValueError: naming the part that is none.
    """
    names = _parts(text)
    for name in names:
        if not re.fullmatch(_DNS_LABEL, name):
            raise ValueError(f"{name!r} is not a namespace: write names such as ingress-nginx,monitoring")
    return tuple(sorted(set(names)))


def parse_labels(text: str) -> Mapping[str, str]:
    """Labels as ``kubectl -l`` takes them: ``key=value,key=value``.

    Raises:
        ValueError: naming the part that is none, or if there is none at all: that would be every pod.
    """
    labels = {}
    for part in _parts(text):
        found = _LABEL.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is not a label: write key=value, such as k8s-app=kube-dns")
        labels[found["key"]] = found["value"]
    if not labels:
        raise ValueError("there is no label: write key=value, such as k8s-app=kube-dns")
    return labels


def parse_pod_sets(text: str) -> tuple[PodSet, ...]:
    """Pods as ``namespace/key=value,key=value``, separated by spaces.

    Raises:
        ValueError: naming the part that is none.
    """
    return tuple(map(_pod_set, text.split()))


def _pod_set(text: str) -> PodSet:
    namespace, slash, labels = text.partition("/")
    if not slash or not re.fullmatch(_DNS_LABEL, namespace):
        raise ValueError(
            f"{text!r} does not name pods: write namespace/key=value, such as kube-system/k8s-app=kube-dns"
        )
    return PodSet(namespace, parse_labels(labels))


def parse_networks(text: str) -> tuple[str, ...]:
    """Addresses and networks, separated by commas or spaces; in canonical form, an address as a network of its own.

    Raises:
        ValueError: naming the part that is none.
    """
    return tuple(dict.fromkeys(map(_network, _parts(text))))


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        example = "10.96.0.10 or 2001:db8::/32"
        raise ValueError(f"{text!r} is not an address or network: {error}; write one such as {example}") from error


def parse_ports(text: str) -> tuple[int, ...]:
    """Port numbers, separated by commas or spaces; sorted, each once.

    Raises:
        ValueError: naming the part that is none, or if there is none at all: that would be every port.
    """
    parts = _parts(text)
    if not parts:
        raise ValueError("there is no port: write numbers from 1 to 65535, such as 53 or 53,5353")
    for part in parts:
        if not re.fullmatch("[0-9]{1,5}", part) or not 1 <= int(part) <= 65535:
            raise ValueError(f"{part!r} is not a port: write numbers from 1 to 65535, such as 53 or 53,5353")
    return tuple(sorted(set(map(int, parts))))


def parse_domain(text: str) -> str:
    """A DNS domain.

    Raises:
        ValueError: if it is none.
    """
    domain = text.strip(".")
    if not re.fullmatch(_SUBDOMAIN, domain):
        raise ValueError(f"{text!r} is not a domain: write one such as cluster.local")
    return domain


def _parts(text: str) -> Sequence[str]:
    return [part for part in _SEPARATORS.split(text) if part]
