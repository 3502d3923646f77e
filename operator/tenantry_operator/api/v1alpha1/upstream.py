"""Where ``spec.provider.baseURL`` leads, as a network policy sees it: pods behind a Service, an address, the internet.

Pods find names through the search list of their DNS configuration: ``name`` and ``name.namespace`` are Services if such
Services exist. Of a Service nothing but what ``ServiceFacts`` holds is ever used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from tenantry_operator.api.v1alpha1.common import DNS_LABEL

HTTPS_PORT = 443
Address = IPv4Address | IPv6Address

_NOT_FOR_URLS = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this host
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: the cloud's metadata
            "100.100.100.200/32",  # metadata, Alibaba Cloud
            "168.63.129.16/32",  # the platform's services, Azure
            "192.0.0.0/24",  # protocol assignments; metadata, Oracle Cloud
            "224.0.0.0/3",  # multicast, reserved, broadcast
            "::/8",  # this host; IPv4 in other clothes: ::ffff:0:0/96 mapped, 64:ff9b::/96 translated
            "2001::/32",  # IPv4, tunnelled
            "2002::/16",  # the same
            "fd00:c1::a9fe:a9fe/128",  # metadata, Oracle Cloud
            "fd00:ec2::/32",  # metadata, AWS
            "fd20:ce::254/128",  # metadata, Google Cloud
            "fe80::/9",  # link-local, site-local
            "ff00::/8",
        ),
    )
)
"""Addresses that no API has, but that an attacker would like to reach."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A TCP port of a Service, and the number or name of its pods' port."""

    port: int
    target: int | str


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """All that is kept of a Service that a base URL names."""

    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    headless: bool = False
    alias: bool = False
    """Whether it is of type ExternalName."""


@dataclass(frozen=True, slots=True)
class ServiceName:
    """A host that names a Service; unless ``surely``, it may as well be a name on the internet."""

    namespace: str
    name: str
    port: int
    surely: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods behind a Service, and their port."""

    service: ServiceName
    labels: Mapping[str, str]
    port: int | str


@dataclass(frozen=True, slots=True)
class Host:
    """One address."""

    address: Address
    port: int


@dataclass(frozen=True, slots=True)
class Internet:
    """A host on the internet, whose addresses nobody here knows."""

    name: str
    port: int


class Obstacle(Enum):
    """Why it is not known where a base URL leads, or why a policy does not open the way."""

    SERVICE_UNKNOWN = "unknown"
    """Nothing is known of the Service: it cannot be looked at."""
    SERVICE_MISSING = "missing"
    SERVICE_WITHOUT_SELECTOR = "without selector"
    SERVICE_PORT_MISSING = "port missing"
    NO_SERVICE_NAME = "no Service name"
    """A name within the cluster that is not a Service's, such as a pod's."""
    ADDRESS_REFUSED = "address refused"


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Nowhere, as far as the policy is concerned."""

    obstacle: Obstacle
    host: str
    port: int
    service: ServiceName | None = None


Named = ServiceName | Host | Internet | Unresolved
Upstream = Pods | Host | Internet | Unresolved


def named(base_url: str | None, namespace: str, cluster_domain: str) -> Named | None:
    """What the host of a base URL is, from its spelling alone; None without a URL, for the Anthropic API.

    ``namespace`` is the Gateway's.
    """
    if base_url is None:
        return None
    host, port = host_and_port(base_url)
    if host == "localhost" or host.endswith(".localhost"):
        return Unresolved(Obstacle.ADDRESS_REFUSED, host, port)
    try:
        address = ip_address(host)
    except ValueError:
        return _by_name(host, port, namespace, cluster_domain)
    if "%" in host or any(address in network for network in _NOT_FOR_URLS if network.version == address.version):
        return Unresolved(Obstacle.ADDRESS_REFUSED, host, port)
    return Host(address, port)


def host_and_port(base_url: str) -> tuple[str, int]:
    """Host in lower case without brackets or a last dot, and port, of a URL that the API server has taken."""
    url = urlsplit(base_url)
    return (url.hostname or "").removesuffix("."), url.port or (HTTPS_PORT if url.scheme == "https" else 80)


def _by_name(host: str, port: int, namespace: str, cluster_domain: str) -> ServiceName | Internet | Unresolved:
    within = host.removesuffix(f".{cluster_domain}")
    labels = within.split(".")
    if labels[-1] == "svc":
        return _service(labels[:-1], host, port)
    if within != host or host == cluster_domain:
        return Unresolved(Obstacle.NO_SERVICE_NAME, host, port)
    if not all(re.fullmatch(DNS_LABEL, label) for label in labels) or len(labels) > 2:
        return Internet(host, port)
    if len(labels) == 1:
        return ServiceName(namespace, host, port)
    return ServiceName(labels[1], labels[0], port, surely=False)


def _service(labels: list[str], host: str, port: int) -> ServiceName | Unresolved:
    """``service.namespace`` or ``pod.service.namespace``, a pod of a headless Service."""
    if len(labels) not in {2, 3} or not all(re.fullmatch(DNS_LABEL, label) for label in labels):
        return Unresolved(Obstacle.NO_SERVICE_NAME, host, port)
    return ServiceName(labels[-1], labels[-2], port)


def resolved(host: Named | None, service: ServiceFacts | None, *, known: bool = True) -> Upstream | None:
    """Where a base URL leads. ``service`` is what is known of the Service named, None if there is none.

    ``known`` is False if nothing can be known of it.
    """
    if not isinstance(host, ServiceName):
        return host
    name = f"{host.name}.{host.namespace}"
    if not known or service is None:
        if not host.surely:
            return Internet(name, host.port)
        obstacle = Obstacle.SERVICE_MISSING if known else Obstacle.SERVICE_UNKNOWN
        return Unresolved(obstacle, name, host.port, host)
    if service.alias:
        return Internet(name, host.port)
    if not service.selector:
        return Unresolved(Obstacle.SERVICE_WITHOUT_SELECTOR, name, host.port, host)
    if service.headless:
        return Pods(host, service.selector, host.port)  # Its name leads to the pods themselves: no port is translated.
    target = next((each.target for each in service.ports if each.port == host.port), None)
    if target is None:
        return Unresolved(Obstacle.SERVICE_PORT_MISSING, name, host.port, host)
    return Pods(host, service.selector, target)
