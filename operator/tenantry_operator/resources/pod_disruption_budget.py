"""The PodDisruptionBudget of the gateway."""

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import metadata, selector


def build_pod_disruption_budget(gateway: Gateway) -> Manifest | None:
    """Keep one pod through drains of nodes. A single one gets no budget, or a drain would hang; nor do broken ones."""
    if gateway.spec.replicas < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(gateway),
        "spec": {
            "minAvailable": 1,
            "selector": {"matchLabels": selector(gateway.meta.name)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
