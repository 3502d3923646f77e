"""The Deployment of the gateway."""

from __future__ import annotations

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.image import DEFAULTS_ANNOTATION, Defaults, image_of
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import metadata, selector
from tenantry_operator.resources.pod import build_pod_template


def build_deployment(gateway: Gateway, defaults: Defaults) -> Manifest:
    """The pods, which are stopped before their successors start: old and new ones would write the same state."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**metadata(gateway), "annotations": {DEFAULTS_ANNOTATION: str(defaults)}},
        "spec": {
            "replicas": gateway.replicas,
            "revisionHistoryLimit": 2,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector(gateway.meta.name)},
            "template": build_pod_template(gateway, image_of(gateway.spec.image, defaults)),
        },
    }
