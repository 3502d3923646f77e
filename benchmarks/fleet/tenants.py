"""The tenants of a fleet: manifests, pure."""

from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]

BINDINGS = 3
"""AgentBindings of a tenant."""
PER_NAMESPACE = 10
"""Tenants that share a namespace and its API key."""
MODEL = "claude-sonnet-4-20250514"
API_VERSION = "tenantry.dev/v1alpha1"


def namespace_of(tenant: int) -> str:
    """Where a tenant lives."""
    return f"team-{tenant // PER_NAMESPACE}"


def name_of(tenant: int) -> str:
    """The Gateway of a tenant."""
    return f"gateway-{tenant}"


def namespaces(tenants: int) -> list[Manifest]:
    """The namespaces of a fleet."""
    names = dict.fromkeys(map(namespace_of, range(tenants)))
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]


def api_keys(tenants: int) -> list[Manifest]:
    """The Secret that each namespace's Gateways refer to."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "anthropic", "namespace": namespace["metadata"]["name"]},
            "stringData": {"api-key": "sk-ant-benchmark"},
        }
        for namespace in namespaces(tenants)
    ]


def gateway(tenant: int, system: str = "You help.") -> Manifest:
    """A tenant's Gateway: three agents, roles, a volume, a generated token."""
    agents = {name: {"model": MODEL, "system": system} for name in ("main", "devops", "support")}
    return {
        "apiVersion": API_VERSION,
        "kind": "Gateway",
        "metadata": {"name": name_of(tenant), "namespace": namespace_of(tenant)},
        "spec": {
            "provider": {"apiKeySecretRef": {"name": "anthropic", "key": "api-key"}},
            "agents": agents,
            "defaultAgent": "main",
        },
    }


def bindings(tenant: int) -> Iterator[Manifest]:
    """A tenant's AgentBindings."""
    for number in range(BINDINGS):
        yield {
            "apiVersion": API_VERSION,
            "kind": "AgentBinding",
            "metadata": {"name": f"{name_of(tenant)}-{number}", "namespace": namespace_of(tenant)},
            "spec": {
                "gatewayRef": {"name": name_of(tenant)},
                "agentId": ("main", "devops", "support")[number % 3],
                "match": {"channel": "slack", "channelId": f"room-{number}"},
            },
        }


def resources(tenant: int) -> Iterator[Manifest]:
    """Everything that a team applies."""
    yield gateway(tenant)
    yield from bindings(tenant)
