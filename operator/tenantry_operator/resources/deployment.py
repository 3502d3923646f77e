"""The Deployment of the gateway. What changes here restarts the gateway; what may change live is in the ConfigMap."""

from __future__ import annotations

from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.storage import claim_name
from tenantry_operator.resources.image import DEFAULTS_ANNOTATION, Defaults, Image, image_of
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import child_name, labels, metadata, selector
from tenantry_operator.resources.secret import PREVIOUS_KEY, VERSION_KEY, SecretUse
from tenantry_operator.resources.service import PORT_NAME

CONTAINER = "gateway"
USER_ID = 65532
CONFIG_DIR = "/etc/tenantry"
CONFIG_FILE = "config.yaml"
STATE_DIR = "/var/lib/tenantry"
SECRETS_DIR = "/run/secrets/tenantry"
SECRET_FILE_MODE = 0o440
SECRET_FILES = {"token": "GATEWAY_TOKEN", "API key": "ANTHROPIC_API_KEY"}
"""File name in the gateway's secrets directory by the purpose of a SecretUse."""
ROTATION_FILES = {PREVIOUS_KEY: "GATEWAY_TOKEN_PREVIOUS", VERSION_KEY: "GATEWAY_TOKEN_VERSION"}
"""File names of the keys that a generated token's Secret has from its first rotation on: a pod that was made before
gets them, too, without a restart."""


def build_deployment(gateway: Gateway, defaults: Defaults) -> Manifest:
    """One replica that is stopped before its successor starts, since both would write the same state."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**metadata(gateway), "annotations": {DEFAULTS_ANNOTATION: str(defaults)}},
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 2,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector(gateway.meta.name)},
            "template": {
                "metadata": {"labels": labels(gateway.meta.name)},
                "spec": _pod_spec(gateway, image_of(gateway.spec.image, defaults)),
            },
        },
    }


def _pod_spec(gateway: Gateway, image: Image) -> dict[str, Any]:
    name = child_name(gateway.meta.name)
    spec: dict[str, Any] = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 120,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(gateway, image)],
        "volumes": [
            {"name": "config", "configMap": {"name": name}},
            {"name": "secrets", "projected": {"defaultMode": SECRET_FILE_MODE, "sources": _secret_sources(gateway)}},
            {"name": "state", "persistentVolumeClaim": {"claimName": claim_name(gateway.meta.name)}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    if gateway.spec.image.pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret.name} for secret in gateway.spec.image.pull_secrets]
    return spec


def _container(gateway: Gateway, image: Image) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": image.name,
        "imagePullPolicy": image.pull_policy,
        "args": ["run", "--bind", "0.0.0.0", "--port", str(gateway.spec.port)],  # noqa: S104 - a pod's own address
        "env": [
            {"name": "CLAWDBOT_CONFIG_PATH", "value": f"{CONFIG_DIR}/{CONFIG_FILE}"},
            {"name": "CLAWDBOT_STATE_DIR", "value": STATE_DIR},
        ],
        "ports": [{"name": PORT_NAME, "containerPort": gateway.spec.port, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        # The guide's initial delays are the start-up probe's work: ready as soon as it is, however slow the node.
        "startupProbe": _probe("/health", period=1, failures=120),
        "livenessProbe": _probe("/health", period=30, failures=3),
        "readinessProbe": _probe("/ready", period=10, failures=3),
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
            {"name": "secrets", "mountPath": SECRETS_DIR, "readOnly": True},
            {"name": "state", "mountPath": STATE_DIR},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - an emptyDir of the pod's own
        ],
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": PORT_NAME},
        "periodSeconds": period,
        "timeoutSeconds": 10,
        "failureThreshold": failures,
    }


def _secret_sources(gateway: Gateway) -> list[dict[str, Any]]:
    """One file per Secret key. Optional, so that a missing Secret shows in status and heals, instead of a stuck pod."""
    return [
        {
            "secret": {
                "name": use.name,
                "items": _secret_items(use),
                "optional": True,
            }
        }
        for use in gateway.secrets
    ]


def _secret_items(use: SecretUse) -> list[dict[str, str]]:
    """All keys of one source are of one version of the Secret: so are the files that the gateway reads."""
    files = {use.key: SECRET_FILES[use.purpose], **(ROTATION_FILES if use.generated else {})}
    return [{"key": key, "path": path} for key, path in files.items()]
