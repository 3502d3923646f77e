"""``spec.exposure`` of a Gateway: how it is reached from outside the cluster."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from tenantry_operator.api.v1alpha1.common import DNS_LABEL, ApiModel, SecretName
from tenantry_operator.api.v1alpha1.labels import VALID_KEYS, AnnotationValue, domain, no_keys
from tenantry_operator.api.v1alpha1.rules import ATOMIC, ListSet, Rule

DNS_NAME = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
SNIPPETS = ".*[sS]nippet|(haproxy-ingress[.]github[.]io|ingress[.]kubernetes[.]io)/config-"


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


Hostname = Annotated[
    str,
    Field(
        description="A DNS name in lower case, such as team-a.example.com, or one whose first label is *.",
        min_length=1,
        max_length=253,
        pattern=rf"^(\*\.)?{DNS_NAME}$",
    ),
    Rule("!isIP(self)", "must be a name, not an IP address", _is_name),
]
RouteAnnotations = Annotated[
    Mapping[str, AnnotationValue],
    Field(max_length=24),
    VALID_KEYS,
    no_keys(
        f"{domain('tenantry.dev')}|kubernetes[.]io/ingress[.]class$|kubectl[.]kubernetes[.]io/",
        "annotations of tenantry.dev/ and below and of kubectl are set for you; instead of kubernetes.io/ingress.class "
        "set ingressClassName",
    ),
    no_keys(
        SNIPPETS,
        "configuration snippets are not accepted, since they run with the rights of the ingress controller: ask the "
        "cluster's administrators for an Ingress of its own",
    ),
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


def _each_listener_once(parents: tuple[ParentRef, ...]) -> bool:
    """No two are the same, and where two have the same Gateway, both name a listener; Gateway API asks the same."""
    gateways = Counter((parent.name, parent.namespace) for parent in parents)
    listeners = {(parent.name, parent.namespace, parent.section_name) for parent in parents}
    whole = [each for each in parents if each.section_name is None and gateways[each.name, each.namespace] > 1]
    return len(listeners) == len(parents) and not whole


EACH_LISTENER_ONCE = Rule(
    "self.all(a, self.exists_one(b, a.name == b.name && has(a.__namespace__) == has(b.__namespace__) && "
    "(!has(a.__namespace__) || a.__namespace__ == b.__namespace__) && "
    "(!has(a.sectionName) || !has(b.sectionName) || a.sectionName == b.sectionName)))",
    "name each listener of a Gateway once: where two parentRefs mean the same Gateway, each must have a sectionName "
    "of its own",
    _each_listener_once,
)


class HttpRouteSpec(ApiModel):
    """An HTTPRoute of Kubernetes' Gateway API. Version 1.2 of it or later is needed."""

    parent_refs: Annotated[
        tuple[ParentRef, ...], Field(min_length=1, max_length=8, json_schema_extra=ATOMIC), EACH_LISTENER_ONCE
    ]
    """The Gateways of Gateway API through which the gateway is reached: ask those who run them for their names."""
    hostnames: Annotated[tuple[Hostname, ...], Field(max_length=16), ListSet()] = ()
    """Host names under which the gateway is reached. All of the listener's, where left out: then no other tenant can
    use the same listener."""
    annotations: RouteAnnotations = Field(default_factory=dict)
    """Annotations of the HTTPRoute, such as those of external-dns."""


class IngressTls(ApiModel):
    """TLS of an Ingress."""

    secret_name: SecretName
    """Secret of type kubernetes.io/tls in this namespace with the certificate for every host; the ingress controller
    reads it, and cert-manager can make it."""


class IngressSpec(ApiModel):
    """An Ingress. Time-outs are the controller's: answers stream for minutes, so raise them by its annotations."""

    hosts: Annotated[tuple[Hostname, ...], Field(min_length=1, max_length=16), ListSet()]
    """Host names under which the gateway is reached."""
    ingress_class_name: Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{DNS_NAME}$")] | None = None
    """IngressClass of the controller. The cluster's default one, where left out."""
    tls: IngressTls | None = None
    """TLS for every host. Plain HTTP, where left out: tokens then cross the network unprotected."""
    annotations: RouteAnnotations = Field(default_factory=dict)
    """Annotations of the Ingress, upon which controllers act: whoever may set them can change how the controller treats
    these hosts. Configuration snippets are refused."""


class ExposureSpec(ApiModel):
    """How the gateway is reached from outside the cluster. Its /metrics never is."""

    http_route: HttpRouteSpec | None = Field(default=None, alias="httpRoute")
    """Through Kubernetes' Gateway API: the first choice, since streams then have no time limit."""
    ingress: IngressSpec | None = None
    """Through an Ingress."""
