"""``spec.networkPolicy`` of a Gateway: who may reach it and what it may reach, besides what it always needs.

Peers and ports are typed as in Kubernetes' own NetworkPolicy and validated as strictly as the API server validates
that, since they go into one verbatim.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from tenantry_operator.api.v1alpha1.common import ApiModel, Cidr, validation
from tenantry_operator.api.v1alpha1.selectors import ATOMIC, LabelSelector

MAX_PEERS = 16
MAX_RULES = 16
MAX_PORTS = 16
MAX_EXCEPT = 32
PortNumber = Annotated[int, Field(ge=1, le=65535)]

_BAD_EXCEPT = "each network in except must lie within cidr and be smaller than it"
_BAD_PEER = "set ipBlock alone, or podSelector, namespaceSelector or both: an empty peer names nobody"
_BAD_PORT = (
    "must be a number from 1 to 65535, without quotes, or the name of a container's port: at most 15 lower-case "
    "letters, digits and single -, at least one of them a letter"
)
_BAD_RANGE = "endPort needs port, as a number that is not greater"
_NO_DESTINATION = (
    "name at least one destination in to: a rule without one would open everything, the other tenants and the cloud's "
    "metadata as well. For the whole internet name the ipBlocks 0.0.0.0/0 and ::/0, with what to leave out in except"
)


def _port(port: Any) -> int | str:
    if isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= 65535:
        return port
    name = r"(?=[^a-z]*[a-z])(?=.{1,15}$)[a-z0-9]+(-[a-z0-9]+)*"
    if isinstance(port, str) and re.fullmatch(name, port):
        return port
    raise ValueError(_BAD_PORT)


Port = Annotated[
    int | str,
    BeforeValidator(_port),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": 15,
            **validation(
                "type(self) == int ? self >= 1 && self <= 65535 "
                ": self.matches('^[a-z0-9]+(-[a-z0-9]+)*$') && self.matches('[a-z]')",
                _BAD_PORT,
            ),
        }
    ),
]


class IPBlock(ApiModel):
    """The addresses of a network."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "!has(self.except) || !isCIDR(self.cidr) || self.except.all(inner, !isCIDR(inner) || "
            "(cidr(self.cidr).containsCIDR(inner) && cidr(inner).prefixLength() > cidr(self.cidr).prefixLength()))",
            _BAD_EXCEPT,
        )
    )

    cidr: Cidr
    """The network, such as 10.20.0.0/16; of one address, such as 10.20.0.7/32."""
    except_: Annotated[tuple[Cidr, ...], Field(alias="except", max_length=MAX_EXCEPT, json_schema_extra=ATOMIC)] = ()
    """Parts of the network that are left out."""

    @model_validator(mode="after")
    def _except_within(self) -> Self:
        outer = ip_network(self.cidr)
        for inner in map(ip_network, self.except_):
            within = inner.version == outer.version and inner.network_address in outer
            if not within or inner.prefixlen <= outer.prefixlen:
                raise ValueError(_BAD_EXCEPT)
        return self


class NetworkPolicyPeer(ApiModel):
    """The other side of connections: pods, or the addresses of a network."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "has(self.ipBlock) ? !has(self.podSelector) && !has(self.namespaceSelector) "
            ": has(self.podSelector) || has(self.namespaceSelector)",
            _BAD_PEER,
        )
    )

    pod_selector: LabelSelector | None = None
    """Pods with these labels: of the namespaces selected, or without namespaceSelector of the Gateway's own."""
    namespace_selector: LabelSelector | None = None
    """Namespaces with these labels: all their pods, or those of podSelector."""
    ip_block: IPBlock | None = None
    """Addresses outside of the cluster."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        pods = self.pod_selector is not None or self.namespace_selector is not None
        if pods == (self.ip_block is not None):
            raise ValueError(_BAD_PEER)
        return self


class NetworkPolicyPort(ApiModel):
    """Ports of a destination."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "!has(self.endPort) || (has(self.port) && type(self.port) == int && self.endPort >= self.port)",
            _BAD_RANGE,
        )
    )

    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    """Protocol. TCP, where left out."""
    port: Port | None = None
    """Number of the port, or the name that the destination's pods give it. Every port, where left out."""
    end_port: PortNumber | None = None
    """Last port of a range that begins with port."""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.end_port is not None and not (isinstance(self.port, int) and self.port <= self.end_port):
            raise ValueError(_BAD_RANGE)
        return self


class EgressRule(ApiModel):
    """Destinations that the gateway may reach."""

    model_config = ConfigDict(json_schema_extra=validation("has(self.to) && size(self.to) > 0", _NO_DESTINATION))

    to: Annotated[tuple[NetworkPolicyPeer, ...], Field(max_length=MAX_PEERS, json_schema_extra=ATOMIC)] = ()
    """The destinations. At least one."""
    ports: Annotated[tuple[NetworkPolicyPort, ...], Field(max_length=MAX_PORTS, json_schema_extra=ATOMIC)] = ()
    """Their ports. Every port of every protocol, where left out."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.to:
            raise ValueError(_NO_DESTINATION)
        return self


class NetworkPolicySpec(ApiModel):
    """A NetworkPolicy that denies by default. What is named here is added to what every gateway needs."""

    enabled: bool = True
    """Whether there is a NetworkPolicy. Without one, everything can reach the gateway and it can reach everything,
    as far as no other policy selects its pods."""
    ingress_from: Annotated[tuple[NetworkPolicyPeer, ...], Field(max_length=MAX_PEERS, json_schema_extra=ATOMIC)] = ()
    """Who may reach the gateway's port besides its own namespace, the operator, and the ingress controllers and
    monitoring that the operator's settings name."""
    egress: Annotated[tuple[EgressRule, ...], Field(max_length=MAX_RULES, json_schema_extra=ATOMIC)] = ()
    """What the gateway may reach besides DNS, HTTPS on the internet and the host of provider.baseURL: a database, a
    private identity provider, a proxy."""
