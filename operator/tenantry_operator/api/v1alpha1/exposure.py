"""``spec.exposure`` of a Gateway: how it is reached from outside the cluster."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from tenantry_operator.api.v1alpha1.common import DNS_LABEL, ApiModel, SecretName, validation
from tenantry_operator.api.v1alpha1.object_metadata import Annotations

DNS_NAME = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
_ADDRESS_RULE = "must be a name, not an IP address"
_SECTIONS_RULE = (
    "name each listener of a Gateway once: where two parentRefs mean the same Gateway, each must have a sectionName "
    "of its own"
)


def _no_address(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    raise ValueError(_ADDRESS_RULE)


def _different(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(hosts)) < len(hosts):
        raise ValueError("name each host once")
    return hosts


Hostname = Annotated[
    str,
    Field(
        description="A DNS name in lower case, such as team-a.example.com, or one whose first label is *.",
        min_length=1,
        max_length=253,
        pattern=rf"^(\*\.)?{DNS_NAME}$",
        json_schema_extra=validation("!isIP(self)", _ADDRESS_RULE),
    ),
    AfterValidator(_no_address),
]


class ParentRef(ApiModel):
    """A Gateway of Kubernetes' Gateway API (gateways.gateway.networking.k8s.io), not one of tenantry.dev."""

    name: Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{DNS_NAME}$")]
    """Its name."""
    namespace: Annotated[str, Field(min_length=1, max_length=63, pattern=rf"^{DNS_LABEL}$")] | None = None
    """Its namespace. This object's own, where left out; its listener must allow routes from here."""
    section_name: Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{DNS_NAME}$")] | None = None
    """Name of the listener. Every listener that allows the route, where left out."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port of the listener. Any, where left out."""


class HttpRouteSpec(ApiModel):
    """An HTTPRoute of Kubernetes' Gateway API. Version 1.2 of it or later is needed."""

    parent_refs: Annotated[
        tuple[ParentRef, ...],
        Field(
            min_length=1,
            max_length=8,
            json_schema_extra={
                "x-kubernetes-list-type": "atomic",
                **validation(
                    "self.all(a, self.exists_one(b, a.name == b.name && "
                    "has(a.__namespace__) == has(b.__namespace__) && "
                    "(!has(a.__namespace__) || a.__namespace__ == b.__namespace__) && "
                    "(!has(a.sectionName) || !has(b.sectionName) || a.sectionName == b.sectionName)))",
                    _SECTIONS_RULE,
                ),
            },
        ),
    ]
    """The Gateways of Gateway API through which the gateway is reached: ask those who run them for their names."""
    hostnames: Annotated[
        tuple[Hostname, ...], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"})
    ] = ()
    """Host names under which the gateway is reached. All of the listener's, where left out: then no other tenant can
    use the same listener."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations of the HTTPRoute, such as those of external-dns."""

    @model_validator(mode="after")
    def _name_each_listener_once(self) -> Self:
        _different(self.hostnames)
        parents = Counter((parent.name, parent.namespace) for parent in self.parent_refs)
        sections = Counter((parent.name, parent.namespace, parent.section_name) for parent in self.parent_refs)
        for (name, namespace, section), count in sections.items():
            if count > 1 or (section is None and parents[name, namespace] > 1):
                raise ValueError(_SECTIONS_RULE)
        return self


class IngressTls(ApiModel):
    """TLS of an Ingress."""

    secret_name: SecretName
    """Secret of type kubernetes.io/tls in this namespace with the certificate for every host; the ingress controller
    reads it, and cert-manager can make it."""


class IngressSpec(ApiModel):
    """An Ingress. Time-outs are the controller's: answers stream for minutes, so raise them by its annotations."""

    hosts: Annotated[
        tuple[Hostname, ...],
        Field(min_length=1, max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
        AfterValidator(_different),
    ]
    """Host names under which the gateway is reached."""
    ingress_class_name: Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{DNS_NAME}$")] | None = None
    """IngressClass of the controller. The cluster's default one, where left out."""
    tls: IngressTls | None = None
    """TLS for every host. Plain HTTP, where left out: tokens then cross the network unprotected."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations of the Ingress, upon which controllers act: whoever may set them can change how the controller treats
    these hosts. Configuration snippets are refused."""


class ExposureSpec(ApiModel):
    """How the gateway is reached from outside the cluster. Its /metrics never is."""

    http_route: HttpRouteSpec | None = Field(default=None, alias="httpRoute")
    """Through Kubernetes' Gateway API: the first choice, since streams then have no time limit."""
    ingress: IngressSpec | None = None
    """Through an Ingress."""
