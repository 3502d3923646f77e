"""The Service in front of the gateway's pods."""

from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import child_name, metadata, selector

PORT_NAME = "http"
AFFINITY_SECONDS = 10_800
"""How long an idle client is remembered: Kubernetes' default."""


def endpoint(gateway: Gateway) -> str:
    """URL of the gateway within the cluster. Without the cluster's domain, which only the nodes' resolvers know."""
    return f"http://{child_name(gateway.meta.name)}.{gateway.meta.namespace}.svc:{gateway.spec.port}"


def build_service(gateway: Gateway) -> Manifest:
    """A Service on the Gateway's port, with the scrape annotations of the enterprise guide."""
    annotations = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(gateway.spec.port),
        "prometheus.io/path": "/metrics",
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata(gateway), "annotations": annotations},
        "spec": {
            "type": "ClusterIP",
            "selector": selector(gateway.meta.name),
            **_affinity(gateway),
            "ports": [
                {"name": PORT_NAME, "port": gateway.spec.port, "protocol": "TCP", "targetPort": PORT_NAME},
            ],
        },
    }


def _affinity(gateway: Gateway) -> dict[str, Any]:
    """Sticky sessions for several pods, as the enterprise guide advises.

    Both fields are always decided here: without a time-out of ours, Kubernetes' own would stay, and it refuses a
    time-out without affinity.
    """
    if gateway.spec.replicas < 2:
        return {"sessionAffinity": "None"}
    config = {"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}}
    return {"sessionAffinity": "ClientIP", "sessionAffinityConfig": config}
