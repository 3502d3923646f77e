"""What docs/disaster.md says of what is left when something big is gone, and of the way back."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tests.documented import commands, run
from tests.integration.operator_harness import ROOT, Operator, binding, condition, eventually, gateway
from tests.integration.own_control_plane import account, control_plane, installed, kubectl, operator
from tests.integration.test_operator_storage import OURS, bound, volume

__all__ = ["account", "control_plane", "installed", "kubectl", "operator"]

pytestmark = pytest.mark.usefixtures("operator")
PAGE = "docs/disaster.md"
CHILDREN = "deployments,services,configmaps,secrets,serviceaccounts,networkpolicies,persistentvolumeclaims"
CLAIM = "PersistentVolumeClaim"


def children(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    """Kind → uid of what the operator has made."""
    found = kubectl.items(CHILDREN, namespace, "app.kubernetes.io/managed-by=tenantry-operator")
    return {each["kind"]: each["metadata"]["uid"] for each in found}


def token_secret(data: dict[str, str], namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": "a-token", "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def test_after_the_definitions_are_gone_git_brings_everything_back_but_tokens(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    git = (gateway("a", namespace), binding("b", namespace, "a", "slack"))
    kubectl.apply(*git)
    kinds = len(CHILDREN.split(","))
    made = eventually(lambda: found if len(found := children(kubectl, namespace)) == kinds else None)
    operator.rests()

    kubectl.run("delete", "crd", "gateways.tenantry.dev", "agentbindings.tenantry.dev")
    kubectl.run("apply", "--server-side", "-k", str(ROOT / "crds"))
    for name in ("gateways", "agentbindings"):
        kubectl.wait("condition=Established", f"crd/{name}.tenantry.dev", "default", 30)
    eventually(lambda: kubectl.apply(*git))

    def is_back() -> bool:
        """As before, once the garbage collector knows the kind again, and so that the old owner is gone."""
        now = children(kubectl, namespace)
        return {kind for kind, uid in made.items() if now.get(kind, uid) != uid} == made.keys() - {CLAIM}

    eventually(is_back, 120)
    assert children(kubectl, namespace)[CLAIM] == made[CLAIM]
    eventually(lambda: condition(kubectl.get("tab", "b", namespace), "Accepted"))


def test_a_kept_volume_serves_the_gateway_of_a_namespace_that_is_made_again(kubectl: Kubectl, namespace: str) -> None:
    bound(kubectl, namespace)
    name = volume(namespace)["metadata"]["name"]

    kubectl.run("delete", "namespace", namespace)
    kubectl.wait("jsonpath={.status.phase}=Released", f"pv/{name}", "default")
    release = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    kubectl.run("patch", "pv", name, "--type", "merge", "-p", json.dumps(release))
    kubectl.run("create", "namespace", namespace)
    kubectl.apply(gateway("a", namespace))

    eventually(lambda: kubectl.get("pvc", "a-state", namespace)["status"]["phase"] == "Bound")
    assert kubectl.get("pvc", "a-state", namespace)["spec"]["volumeName"] == name


def test_a_token_that_is_brought_along_is_used_as_if_it_had_been_generated(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(token_secret({"token": "of-the-old-cluster"}, namespace, OURS))
    kubectl.apply(gateway("a", namespace))

    eventually(lambda: (condition(kubectl.get("tgw", "a", namespace), "Ready") or {}).get("reason") == "SecretMissing")
    annotation = "tenantry.dev/rotate-token=1"
    kubectl.run("-n", namespace, "annotate", "tgw", "a", annotation)
    secret = eventually(lambda: rotated(kubectl.get("secret", "a-token", namespace)))
    assert base64.b64decode(secret["data"]["previous-token"]) == b"of-the-old-cluster"


def rotated(secret: dict[str, Any]) -> dict[str, Any] | None:
    return secret if secret["metadata"].get("annotations", {}).get("tenantry.dev/rotation-phase") == "Overlap" else None


def test_the_pages_commands_suspend_tenants_rotate_their_tokens_and_keep_their_volumes(
    kubectl: Kubectl, control_plane: ControlPlane, tmp_path: Path
) -> None:
    kubectl.run("create", "namespace", "team-a")
    disposable = volume("team-a", name="assistants-state")
    disposable["spec"]["persistentVolumeReclaimPolicy"] = "Delete"
    kubectl.apply(disposable, gateway("assistants", "team-a"))
    kubectl.wait("create", "pvc/assistants-state", "team-a")
    kubectl.wait("jsonpath={.status.phase}=Bound", "pvc/assistants-state", "team-a")

    _, keep = commands(PAGE, "What to keep outside the cluster")
    for block in (keep, *commands(PAGE, "Suspend tenants"), *commands(PAGE, "Rotate tokens")):
        run(block, control_plane, tmp_path)

    kubectl.wait("jsonpath={.status.lastTokenRotation}", "tgw/assistants", "team-a")
    live = kubectl.get("tgw", "assistants", "team-a")
    assert live["spec"]["suspended"]
    kept = kubectl.get("pv", disposable["metadata"]["name"], "default")
    assert kept["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
