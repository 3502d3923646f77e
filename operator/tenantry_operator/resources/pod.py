"""The gateway's pod. What changes here restarts the gateway; what may change live is in the ConfigMap."""

from __future__ import annotations

import re
from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.quantity import canonical
from tenantry_operator.api.v1alpha1.storage import claim_name
from tenantry_operator.api.v1alpha1.workload import EnvVar, Limits, Requests
from tenantry_operator.resources.audit_key import AUDIT_KEY, audit_secret_name
from tenantry_operator.resources.image import Image
from tenantry_operator.resources.metadata import child_name, labels, selector
from tenantry_operator.resources.native import native
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
AUDIT_FILE = "AUDIT_KEY"
ROTATION_FILES = {PREVIOUS_KEY: "GATEWAY_TOKEN_PREVIOUS", VERSION_KEY: "GATEWAY_TOKEN_VERSION"}
"""File names of the keys that a generated token's Secret has from its first rotation on: a pod that was made before
gets them, too, without a restart."""
PRE_STOP_SECONDS = 5
"""For load balancers to notice that the pod is on its way out."""
STOP_SECONDS = 20
"""Of the grace period, what is not for requests in flight: the pre-stop pause, and an orderly end after them."""


def build_pod_template(gateway: Gateway, image: Image) -> dict[str, Any]:
    """Metadata and specification of the pods."""
    spec = gateway.spec
    metadata: dict[str, Any] = {"labels": {**spec.pod_labels, **labels(gateway.meta.name)}}
    if spec.pod_annotations:
        metadata["annotations"] = dict(spec.pod_annotations)
    return {"metadata": metadata, "spec": {**_pod_spec(gateway, image), **_scheduling(gateway)}}


def _pod_spec(gateway: Gateway, image: Image) -> dict[str, Any]:
    name = child_name(gateway.meta.name)
    spec: dict[str, Any] = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": gateway.spec.termination_grace_period_seconds,
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


def _scheduling(gateway: Gateway) -> dict[str, Any]:
    """Where the pods may run; what the Gateway leaves out is not there."""
    spec = gateway.spec
    own = {"labelSelector": {"matchLabels": selector(gateway.meta.name)}}
    fields: dict[str, Any] = {
        "nodeSelector": dict(spec.node_selector),
        "tolerations": [native(each) for each in spec.tolerations],
        "affinity": native(spec.affinity) if spec.affinity else None,
        "topologySpreadConstraints": [{**own, **native(each)} for each in spec.topology_spread_constraints],
        "priorityClassName": spec.priority_class_name,
        "runtimeClassName": spec.runtime_class_name,
    }
    return {name: value for name, value in fields.items() if value}


def _container(gateway: Gateway, image: Image) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": image.name,
        "imagePullPolicy": image.pull_policy,
        "args": ["run", "--bind", "0.0.0.0", "--port", str(gateway.spec.port)],  # noqa: S104 - a pod's own address
        "env": _environment(gateway),
        "ports": [{"name": PORT_NAME, "containerPort": gateway.spec.port, "protocol": "TCP"}],
        "resources": {
            "requests": _amounts(gateway.spec.resources.requests),
            "limits": _amounts(gateway.spec.resources.limits),
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
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


def _environment(gateway: Gateway) -> list[dict[str, Any]]:
    """What the gateway must be told, then the user's own variables."""
    grace = gateway.spec.termination_grace_period_seconds
    return [
        {"name": "CLAWDBOT_CONFIG_PATH", "value": f"{CONFIG_DIR}/{CONFIG_FILE}"},
        {"name": "CLAWDBOT_STATE_DIR", "value": STATE_DIR},
        {"name": "TENANTRY_DRAIN_SECONDS", "value": str(grace - STOP_SECONDS)},
        # Also where there is one pod: were it told so from two up only, scaling would replace the pod that serves.
        {"name": "TENANTRY_STANDBY", "value": "true"},
        *map(_variable, gateway.spec.env),
    ]


def _variable(variable: EnvVar) -> dict[str, Any]:
    rendered = native(variable)
    if "value" in rendered:
        rendered["value"] = unexpanded(rendered["value"])
    return rendered


def unexpanded(value: str) -> str:
    """A variable's value that the kubelet turns into ``value``: it would replace ``$(NAME)``, and ``$$`` by ``$``."""
    return re.sub(r"\$(?=[$(])", "$$", value)


def _amounts(resources: Requests | Limits) -> dict[str, str]:
    return {name: canonical(value) for name, value in native(resources).items()}


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": PORT_NAME},
        "periodSeconds": period,
        "timeoutSeconds": 10,
        "failureThreshold": failures,
    }


def _secret_sources(gateway: Gateway) -> list[dict[str, Any]]:
    """One file per Secret key. Optional, so that a missing Secret shows in status and heals, instead of a stuck pod."""
    sources = [(use.name, _secret_items(use)) for use in gateway.secrets]
    sources.append((audit_secret_name(gateway), [{"key": AUDIT_KEY, "path": AUDIT_FILE}]))
    return [{"secret": {"name": name, "items": items, "optional": True}} for name, items in sources]


def _secret_items(use: SecretUse) -> list[dict[str, str]]:
    """All keys of one source are of one version of the Secret: so are the files that the gateway reads."""
    files = {use.key: SECRET_FILES[use.purpose], **(ROTATION_FILES if use.generated else {})}
    return [{"key": key, "path": path} for key, path in files.items()]
