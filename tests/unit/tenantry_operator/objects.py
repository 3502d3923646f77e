"""Gateways, AgentBindings and observations for tests: valid by default, changed where a test says so."""

from collections.abc import Mapping, Sequence
from typing import Any

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.observation import (
    ClaimView,
    DeploymentView,
    Observation,
    PodView,
    RouteId,
    SecretKeys,
    StorageClassView,
)
from tenantry_operator.resources.desired import desired
from tenantry_operator.resources.image import Defaults

DEFAULTS = Defaults("tenantry.dev/gateway:dev")
NOW = "2026-05-01T12:00:00Z"
AGENTS = {"main": {"model": "claude-sonnet-4-20250514", "system": "You help."}}


def gateway_body(spec: Mapping[str, Any] | None = None, *, name: str = "assistants", **more: Any) -> dict[str, Any]:
    """A Gateway as the API server returns it; ``spec`` is put over the smallest valid one."""
    return {
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "Gateway",
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "uid": "6b29981d-446c-442b-8e12-6fc9a820cbd3",
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"provider": {"apiKeySecretRef": {"name": "anthropic"}}, "agents": AGENTS, **(spec or {})},
        **more,
    }


def gateway(spec: Mapping[str, Any] | None = None, **more: Any) -> Gateway:
    """The same, parsed."""
    return Gateway.parse(gateway_body(spec, **more))


def binding_body(
    name: str = "pager",
    *,
    agent: str = "main",
    match: Mapping[str, str] | None = None,
    created: str = "2026-01-02T00:00:00Z",
    spec: Mapping[str, Any] | None = None,
    namespace: str = "team-a",
    **more: Any,
) -> dict[str, Any]:
    """An AgentBinding of the Gateway ``assistants`` as the API server returns it."""
    return {
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "AgentBinding",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-of-{name}" if namespace == "team-a" else f"uid-of-{namespace}-{name}",
            "generation": 2,
            "creationTimestamp": created,
        },
        "spec": {
            "gatewayRef": {"name": "assistants"} | ({} if namespace == "team-a" else {"namespace": "team-a"}),
            "agentId": agent,
            "match": match or {"channel": "webhook", "channelId": name},
            **(spec or {}),
        },
        **more,
    }


def binding(name: str = "pager", **more: Any) -> AgentBinding:
    """The same, parsed."""
    return AgentBinding.parse(binding_body(name, **more))


def serving(*routes: AgentBinding) -> frozenset[RouteId]:
    """What ``programmed`` says where every ready pod serves these routes."""
    return frozenset(route.route_id for route in routes)


def deployment_view(*, ready: int = 1, conditions: Sequence[Mapping[str, Any]] = (), **more: Any) -> DeploymentView:
    """The status of a Deployment of one replica, of its latest generation."""
    counts: dict[str, Any] = {
        "generation": 1,
        "observed_generation": 1,
        "replicas": 1,
        "updated": 1,
        "available": ready,
        **more,
    }
    return DeploymentView(ready=ready, conditions=conditions, **counts)


def pod_view(name: str = "assistants-gateway-1", *, ready: bool = True, **more: Any) -> PodView:
    """A pod of the gateway."""
    fields: dict[str, Any] = {"uid": name, "ip": "10.0.0.1", "refresh": None, "deleting": False, "problem": None}
    return PodView(name=name, ready=ready, **{**fields, **more})


def claim_view(**more: Any) -> ClaimView:
    """A bound claim of one gibibyte that stays when its Gateway goes."""
    fields: dict[str, Any] = {
        "phase": "Bound",
        "requested": "1Gi",
        "capacity": "1Gi",
        "storage_class": "standard",
        "access_modes": ("ReadWriteOnce",),
        "volume": "pvc-1",
        "owned": False,
        "deleting": False,
        "scheduled": True,
        "resizing": "",
    }
    return ClaimView(**{**fields, **more})


def storage_class_view(name: str = "standard", **more: bool) -> StorageClassView:
    """A class whose volumes may grow, the default one if it is called ``standard``."""
    fields = {"default": name == "standard", "expandable": True, "waits": False, "provisioned": True, **more}
    return StorageClassView(name, **fields)


def observation(subject: Gateway | None = None, **more: Any) -> Observation:
    """A Gateway with which everything is well; ``more`` replaces what should be otherwise."""
    subject = subject or gateway()
    wanted = desired(subject, (), DEFAULTS)
    fields: dict[str, Any] = {
        "desired": wanted,
        "secrets": {
            "anthropic": SecretKeys("anthropic", frozenset({"api-key"})),
            "assistants-token": SecretKeys("assistants-token", frozenset({"token"})),
        },
        "deployment": deployment_view(),
        "policy_exists": True,
        "pods": (pod_view(),),
        "claim": claim_view(),
        "storage_classes": {"standard": storage_class_view()},
        "served": {"assistants-gateway-1": wanted.config_hash},
    }
    return Observation(gateway=subject, **{**fields, **more})


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of that type; empty where it is absent."""
    return next((one for one in status["conditions"] if one["type"] == kind), {})
