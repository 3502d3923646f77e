"""Install, upgrade, roll back, uninstall: what Helm does to a cluster in which tenants live."""

import json
from pathlib import Path

import pytest

from dev import charts
from dev.cluster.control_plane import ControlPlane
from dev.errors import DevError
from dev.kubectl import Kubectl
from tests.integration.operator_harness import SYSTEM, eventually, gateway
from tests.integration.own_control_plane import control_plane, kubectl

__all__ = ["control_plane", "kubectl"]


@pytest.fixture(scope="module")
def helm(control_plane: ControlPlane, kubectl: Kubectl) -> "Helm":
    """Helm on the module's own API server, with the namespace made."""
    kubectl.run("create", "namespace", SYSTEM)
    return Helm(control_plane)


class Helm:
    """Helm with every permission, in the operator's namespace."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._flags = ("--kubeconfig", str(control_plane.kubeconfig), "--namespace", SYSTEM)

    def run(self, *arguments: str) -> str:
        """What Helm prints."""
        return charts.helm(*arguments, *self._flags)

    def install(self, release: str, chart: Path, *flags: str) -> str:
        """Install or upgrade."""
        return self.run("upgrade", "--install", release, str(chart), *flags)


def test_a_release_comes_changes_and_goes_and_tenants_stay(helm: Helm, kubectl: Kubectl) -> None:
    notes = helm.install("tenantry", charts.OPERATOR)
    assert "custom resource definitions are not there yet" in notes
    assert "helm install tenantry-crds" in notes

    helm.install("tenantry-crds", charts.DEFINITIONS)
    for name in ("gateways", "agentbindings"):
        kubectl.wait("condition=Established", f"crd/{name}.tenantry.dev", "default", 30)
    kubectl.run("create", "namespace", "team-a")
    kubectl.apply(gateway("assistants", "team-a"))
    born = kubectl.get("tgw", "assistants", "team-a")["metadata"]["uid"]
    first = deployment(kubectl)

    notes = helm.install("tenantry", charts.OPERATOR, "--set", "logLevel=debug,replicas=1")
    assert "custom resource definitions are not there yet" not in notes
    assert "keeps every tenant running" in notes
    assert env(deployment(kubectl))["TENANTRY_LOG_LEVEL"] == "debug"
    assert "poddisruptionbudget" not in kubectl.run("-n", SYSTEM, "get", "pdb", "-o", "name")

    helm.run("rollback", "tenantry", "1")
    assert deployment(kubectl)["spec"] == first["spec"]
    assert "poddisruptionbudget" in kubectl.run("-n", SYSTEM, "get", "pdb", "-o", "name")

    helm.run("uninstall", "tenantry")
    said = helm.run("uninstall", "tenantry-crds")
    assert "gateways.tenantry.dev" in said, "Helm tells what it keeps"
    left = "deployments,services,serviceaccounts,roles,rolebindings,configmaps"
    eventually(lambda: "tenantry" not in kubectl.run("-n", SYSTEM, "get", left, "-o", "name"))
    assert "tenantry-operator" not in kubectl.run("get", "clusterroles,clusterrolebindings", "-o", "name")
    assert kubectl.get("tgw", "assistants", "team-a")["metadata"]["uid"] == born

    helm.install("tenantry-crds", charts.DEFINITIONS)
    assert kubectl.get("tgw", "assistants", "team-a")["metadata"]["uid"] == born


def test_a_wrong_value_changes_nothing(helm: Helm, kubectl: Kubectl) -> None:
    helm.install("tenantry", charts.OPERATOR)
    before = deployment(kubectl)["metadata"]["resourceVersion"]

    with pytest.raises(DevError, match="maxRollouts"):
        helm.install("tenantry", charts.OPERATOR, "--set", "maxRollouts=none")

    assert deployment(kubectl)["metadata"]["resourceVersion"] == before


def deployment(kubectl: Kubectl) -> charts.Manifest:
    found: charts.Manifest = json.loads(
        kubectl.run("-n", SYSTEM, "get", "deployment", "tenantry-operator", "-o", "json")
    )
    return found


def env(found: charts.Manifest) -> dict[str, str]:
    """What the operator's container is told."""
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}
