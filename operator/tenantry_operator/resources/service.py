"""The Service in front of the gateway's pods."""

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import child_name, metadata, selector

PORT_NAME = "http"


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
            "ports": [
                {"name": PORT_NAME, "port": gateway.spec.port, "protocol": "TCP", "targetPort": PORT_NAME},
            ],
        },
    }
