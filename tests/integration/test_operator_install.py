"""The manifests of ``deploy`` themselves, as the API server takes them."""

import pytest
import yaml

from dev.kubectl import Kubectl
from tests.integration.operator_harness import ROOT, SYSTEM, Manifest


def rendered(kubectl: Kubectl, folder: str) -> list[Manifest]:
    return list(yaml.safe_load_all(kubectl.run("kustomize", str(ROOT / folder))))


def only(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = (one for one in manifests if one["kind"] == kind)
    return found


@pytest.mark.parametrize("folder", ["deploy", "deploy/namespaced"])
def test_the_operators_deployment_is_accepted_without_a_warning(installed: Kubectl, folder: str) -> None:
    # The namespace enforces and warns by Pod Security "restricted".
    deployment = only(rendered(installed, folder), "Deployment")
    flags = ("--server-side", "--dry-run=server", "--force-conflicts", "--warnings-as-errors")

    installed.run("apply", *flags, "-f", "-", stdin=yaml.safe_dump(deployment))

    assert deployment["spec"]["replicas"] == 2
    budget = only(rendered(installed, folder), "PodDisruptionBudget")
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]


def test_the_namespaced_install_needs_nothing_in_the_cluster_but_the_definitions(installed: Kubectl) -> None:
    manifests = rendered(installed, "deploy/namespaced")

    assert {one["kind"] for one in manifests if "namespace" not in one["metadata"]} == {
        "CustomResourceDefinition",
        "Namespace",
    }
    roles = {one["metadata"]["namespace"]: one for one in manifests if one["kind"] == "Role"}
    assert set(roles) == {"team-a", "team-b", SYSTEM}
    assert roles["team-a"]["rules"] == only(rendered(installed, "deploy/rbac"), "ClusterRole")["rules"]
    for binding in (one for one in manifests if one["kind"] == "RoleBinding"):
        assert binding["roleRef"]["kind"] == "Role"
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "tenantry-operator", "namespace": SYSTEM}]
