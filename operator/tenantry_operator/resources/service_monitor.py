"""The ServiceMonitor, upon which Prometheus Operator has a gateway's metrics scraped."""

from __future__ import annotations

from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import GATEWAY_LABEL, metadata, selector
from tenantry_operator.resources.service import PORT_NAME


def build_service_monitor(gateway: Gateway) -> Manifest | None:
    """Every pod behind the gateway's Service.

    Series get the labels namespace, service, job (the Service) and pod, and tenantry_dev_gateway: ``up`` has no other
    sign that a target is a gateway.
    """
    wanted = gateway.spec.monitoring.service_monitor
    if wanted is None:
        return None
    meta = metadata(gateway)
    endpoint: dict[str, Any] = {"port": PORT_NAME, "path": "/metrics"}
    if wanted.interval is not None:
        endpoint["interval"] = wanted.interval
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {**meta, "labels": {**wanted.labels, **meta["labels"]}},
        "spec": {
            "selector": {"matchLabels": selector(gateway.meta.name)},
            "targetLabels": [GATEWAY_LABEL],
            "endpoints": [endpoint],
        },
    }
