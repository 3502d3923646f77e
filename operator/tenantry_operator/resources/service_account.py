"""The ServiceAccount of the gateway's pods."""

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import metadata


def build_service_account(gateway: Gateway) -> Manifest:
    """An account without rights: the gateway never speaks to the API server."""
    annotations = dict(gateway.spec.service_account.annotations)
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(gateway) | ({"annotations": annotations} if annotations else {}),
        "automountServiceAccountToken": False,
    }
