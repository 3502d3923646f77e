"""The ConfigMap with the gateway's configuration."""

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import metadata
from tenantry_operator.resources.pod import CONFIG_FILE


def build_configmap(gateway: Gateway, config: str) -> Manifest:
    """The configuration as the one file ``config.yaml``. It holds no secret: those are files of their own."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(gateway), "data": {CONFIG_FILE: config}}
