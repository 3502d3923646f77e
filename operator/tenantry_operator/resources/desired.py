"""Everything that a Gateway should have, and what its status says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenantry_config.load import config_hash
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.config_document import render_config
from tenantry_operator.resources.configmap import build_configmap
from tenantry_operator.resources.deployment import build_deployment
from tenantry_operator.resources.http_route import build_http_route
from tenantry_operator.resources.image import Defaults, image_of
from tenantry_operator.resources.ingress import build_ingress
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import selector
from tenantry_operator.resources.network_policy import Surroundings, build_network_policy
from tenantry_operator.resources.persistent_volume_claim import build_persistent_volume_claim
from tenantry_operator.resources.pod_disruption_budget import build_pod_disruption_budget
from tenantry_operator.resources.prometheus_rule import build_prometheus_rule
from tenantry_operator.resources.service import build_service, endpoint
from tenantry_operator.resources.service_account import build_service_account
from tenantry_operator.resources.service_monitor import build_service_monitor

EXTRAS: Sequence[Callable[[Gateway], Manifest | None]] = (
    build_http_route,
    build_ingress,
    build_service_monitor,
    build_prometheus_rule,
)

USUAL_SURROUNDINGS = Surroundings()


@dataclass(frozen=True, slots=True)
class Desired:
    """What a Gateway should have."""

    manifests: tuple[Manifest, ...]
    """In the order in which to apply them: the Deployment last, when all that its pods refer to is there."""
    extras: tuple[Manifest, ...]
    """What the Deployment does not need, and what may fail alone: its API may be absent."""
    config_hash: str
    """SHA-256 of config.yaml, as the gateway's /ready reports it."""
    token_secret: str | None
    """Name of the Secret to generate, None where the Gateway refers to one."""
    image: str
    endpoint: str
    selector: str
    """Of the pods, as ``kubectl get pods -l`` takes it."""


def desired(
    gateway: Gateway,
    accepted: Sequence[AgentBinding],
    defaults: Defaults,
    surroundings: Surroundings = USUAL_SURROUNDINGS,
) -> Desired:
    """Everything that the Gateway should have but the token Secret, whose content is random.

    ``accepted`` are the AgentBindings to render, in any order.

    Raises:
        InvalidObject: if the specification cannot be turned into a configuration.
    """
    config = render_config(gateway, accepted)
    manifests = (
        build_service_account(gateway),
        build_configmap(gateway, config),
        build_network_policy(gateway, surroundings),  # Before the pods that it shields.
        build_service(gateway),
        build_pod_disruption_budget(gateway),
        build_persistent_volume_claim(gateway),
        build_deployment(gateway, defaults),
    )
    return Desired(
        manifests=tuple(manifest for manifest in manifests if manifest is not None),
        extras=tuple(extra for build in EXTRAS if (extra := build(gateway)) is not None),
        config_hash=config_hash(config.encode()),
        token_secret=None if gateway.spec.auth.token_secret_ref else gateway.token_secret_name,
        image=image_of(gateway.spec.image, defaults).name,
        endpoint=endpoint(gateway),
        selector=",".join(f"{key}={value}" for key, value in selector(gateway.meta.name).items()),
    )
