"""What the demo and the end-to-end tests stand on: a cluster with the images, the operator and the stand-in API."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from dev.charts import DEFINITIONS, OPERATOR, helm
from dev.images import Archive
from dev.kubectl import Kubectl

ROOT = Path(__file__).resolve().parent.parent
STANDIN_URL = "http://anthropic-standin.anthropic-standin.svc:8080"
SYSTEM_NAMESPACE = "tenantry-system"
OPERATOR_IMAGE = "tenantry.dev/operator"
GATEWAY_IMAGE = "tenantry.dev/gateway"

Manifest = dict[str, Any]

SYSTEM: Manifest = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": SYSTEM_NAMESPACE,
        "labels": {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")},
    },
}


def read_manifests(path: Path) -> list[Manifest]:
    """All documents of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def with_images(manifests: Iterable[Manifest], archives: Sequence[Archive]) -> list[Manifest]:
    """Name the images by content, so that a changed image rolls out and an unchanged one restarts nothing."""
    text = json.dumps(list(manifests))
    for archive in archives:
        text = text.replace(f"{archive.repository}:dev", archive.name)
    renamed: list[Manifest] = json.loads(text)
    return renamed


def install_operator(kubectl: Kubectl, archives: Sequence[Archive]) -> None:
    """Install both charts, or upgrade them, and wait until the operator runs."""
    kubectl.apply(SYSTEM)
    images = {archive.repository: archive.name.removeprefix(f"{archive.repository}:") for archive in archives}
    values = {
        "image": {"repository": OPERATOR_IMAGE, "tag": images[OPERATOR_IMAGE]},
        "defaultGatewayImage": {"repository": GATEWAY_IMAGE, "tag": images[GATEWAY_IMAGE]},
    }
    # An operator that was installed otherwise, by an earlier checkout, is taken over.
    flags: tuple[str, ...] = ("--namespace", SYSTEM_NAMESPACE, "--kubeconfig", str(kubectl.kubeconfig))
    flags += ("--take-ownership", "--force-conflicts", "--values", "-")
    helm("upgrade", "--install", "tenantry-crds", str(DEFINITIONS), *flags, stdin="{}")
    for name in ("gateways", "agentbindings"):
        kubectl.wait("condition=Established", f"crd/{name}.tenantry.dev", "default", 30)
    helm("upgrade", "--install", "tenantry", str(OPERATOR), *flags, stdin=json.dumps(values))
    kubectl.run("-n", SYSTEM_NAMESPACE, "rollout", "status", "deployment/tenantry-operator", "--timeout=120s")


def install_standin(kubectl: Kubectl, archives: Sequence[Archive]) -> None:
    """Run the stand-in for the Anthropic Messages API in the cluster."""
    kubectl.apply(*with_images(read_manifests(ROOT / "dev/manifests/anthropic-standin.yaml"), archives))
    rollout = ("rollout", "status", "deployment/anthropic-standin", "--timeout=120s")
    kubectl.run("-n", "anthropic-standin", *rollout)
