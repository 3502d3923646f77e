"""Install, upgrade, roll back, uninstall: what Helm does to a cluster in which tenants live."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from dev import charts
from dev.cluster.control_plane import ControlPlane
from dev.errors import DevError
from dev.install import SYSTEM as SYSTEM_NAMESPACE
from dev.kubectl import Kubectl
from tests.documented import commands, run
from tests.integration.operator_harness import SYSTEM, eventually, gateway
from tests.integration.own_control_plane import control_plane, kubectl, remove

__all__ = ["control_plane", "kubectl"]

DEFINITIONS = ("gateways.tenantry.dev", "agentbindings.tenantry.dev")
REGISTRY = "registry.example.com/tenantry"
OURS = ("--set", f"defaultGatewayImage.repository={REGISTRY}/gateway,defaultGatewayImage.tag=0.1.0")


@pytest.fixture(scope="module")
def helm(control_plane: ControlPlane, kubectl: Kubectl) -> "Helm":
    """Helm on the module's own API server, with the namespace made."""
    kubectl.apply(SYSTEM_NAMESPACE)
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


def test_the_readmes_commands_install_everything_into_a_restricted_namespace(
    kubectl: Kubectl, control_plane: ControlPlane, tmp_path: Path
) -> None:
    _, install, *_ = commands("README.md", "Install into a cluster of yours")

    run(install, control_plane, tmp_path)

    established(kubectl)
    labels = kubectl.get("namespace", SYSTEM, "")["metadata"]["labels"]
    assert labels.items() >= SYSTEM_NAMESPACE["metadata"]["labels"].items()
    assert env(deployment(kubectl))["TENANTRY_GATEWAY_IMAGE"] == f"{REGISTRY}/gateway:0.1.0"


def test_a_release_comes_changes_and_goes_and_tenants_stay(helm: Helm, kubectl: Kubectl) -> None:
    uninstall_all(helm, kubectl)

    notes = helm.install("tenantry", charts.OPERATOR)
    assert "custom resource definitions are not there yet" in notes
    assert "helm install tenantry-crds" in notes

    notes = helm.install("tenantry-crds", charts.DEFINITIONS)
    assert "helm install tenantry charts/tenantry" in notes
    assert "keeps the definitions" in notes
    established(kubectl)
    kubectl.run("create", "namespace", "team-a")
    kubectl.apply(gateway("assistants", "team-a"))
    born = kubectl.get("tgw", "assistants", "team-a")["metadata"]["uid"]
    first = deployment(kubectl)

    notes = helm.install("tenantry", charts.OPERATOR, "--set", "logLevel=debug,replicas=1")
    assert "custom resource definitions are not there yet" not in notes
    assert "keeps every tenant running" in notes
    assert "--set defaultGatewayImage.tag=" in notes, "whoever has not pinned the tenants' image is told how"
    assert env(deployment(kubectl))["TENANTRY_LOG_LEVEL"] == "debug"
    assert "poddisruptionbudget" not in kubectl.run("-n", SYSTEM, "get", "pdb", "-o", "name")

    pinned = helm.install("tenantry", charts.OPERATOR, "--set", "defaultGatewayImage.tag=0.1.0")
    assert "--set defaultGatewayImage.tag=" not in pinned

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


def test_rights_in_the_namespaces_alone_are_enough_to_install_for_them(
    control_plane: ControlPlane, kubectl: Kubectl
) -> None:
    for namespace in ("own-system", "own-team"):
        kubectl.run("create", "namespace", namespace)
        kubectl.run("-n", namespace, "create", "rolebinding", "me", "--clusterrole=cluster-admin", "--user=me")
    flags = ("--namespace", "own-system", "--kubeconfig", str(control_plane.kubeconfig), "--kube-as-user", "me")
    install = ("install", "own", str(charts.OPERATOR), *flags, "--set", "scope.namespaces={own-team}")

    with pytest.raises(DevError, match=r"clusterroles.* is forbidden"):
        charts.helm(*install)
    charts.helm(*install, "--set", "roles.create=false")

    assert kubectl.get("deployment", "tenantry-operator", "own-system")
    assert kubectl.get("role", "tenantry-operator", "own-team")


def test_the_documented_upgrades_keep_what_was_set_and_roll_back(
    helm: Helm, kubectl: Kubectl, control_plane: ControlPlane, tmp_path: Path
) -> None:
    (upgrade,) = commands("docs/upgrade.md", "Upgrading")
    _, everywhere = commands("docs/upgrade.md", "Trying a gateway image on one tenant first")
    (back,) = commands("docs/upgrade.md", "Rolling back")
    kubectl.apply(gateway("assistants", "team-a", image={"tag": "0.2.0"}))
    helm.install("tenantry", charts.OPERATOR, *OURS)

    run(upgrade, control_plane, tmp_path)
    assert env(deployment(kubectl))["TENANTRY_GATEWAY_IMAGE"] == f"{REGISTRY}/gateway:0.1.0"

    run(everywhere, control_plane, tmp_path)
    assert env(deployment(kubectl))["TENANTRY_GATEWAY_IMAGE"] == f"{REGISTRY}/gateway:0.2.0"
    assert env(deployment(kubectl))["TENANTRY_MAX_ROLLOUTS"] == "5"
    assert "image" not in kubectl.get("tgw", "assistants", "team-a")["spec"]

    assert "superseded" in run(back, control_plane, tmp_path)
    assert env(deployment(kubectl))["TENANTRY_GATEWAY_IMAGE"] == f"{REGISTRY}/gateway:0.1.0"


def test_a_newer_charts_default_image_reaches_only_those_who_have_not_set_it(helm: Helm, tmp_path: Path) -> None:
    newer = tmp_path / "tenantry"
    shutil.copytree(charts.OPERATOR, newer)
    chart = yaml.safe_load((newer / "Chart.yaml").read_text())
    chart |= {"version": "9.9.9", "appVersion": "9.9.9"}
    chart["annotations"]["tenantry.dev/default-gateway-tag"] = "9.9.9"
    (newer / "Chart.yaml").write_text(yaml.safe_dump(chart))
    schema = json.loads((newer / "values.schema.json").read_text())
    schema["properties"]["brandNew"] = {"type": "boolean"}
    schema["required"].append("brandNew")
    (newer / "values.schema.json").write_text(json.dumps(schema))
    with (newer / "values.yaml").open("a") as values:
        values.write("brandNew: true\n")

    def upgraded(*flags: str) -> str:
        helm.run("upgrade", "tenantry", str(newer), "--reset-then-reuse-values", *flags)
        return helm.run("get", "manifest", "tenantry")

    with pytest.raises(DevError, match="missing property 'brandNew'"):
        helm.run("upgrade", "tenantry", str(newer), "--reuse-values")
    assert "operator:9.9.9" in upgraded()
    assert "tenantry/gateway:0.1.0" in upgraded()
    assert "tenantry/gateway:9.9.9" in upgraded("--set", "defaultGatewayImage.tag=null")


def test_without_helm_in_the_cluster_the_documented_commands_install_everything(
    helm: Helm, kubectl: Kubectl, control_plane: ControlPlane, tmp_path: Path
) -> None:
    uninstall_all(helm, kubectl)
    (block,) = commands("docs/install.md", "Without Helm in the cluster")

    run(block, control_plane, tmp_path)

    established(kubectl)
    (container,) = deployment(kubectl)["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith(f"{REGISTRY}/operator:")
    assert "pod/" not in kubectl.run()


def test_an_installation_without_helm_is_taken_over_by_the_documented_commands(
    helm: Helm, kubectl: Kubectl, control_plane: ControlPlane, tmp_path: Path
) -> None:
    before = deployment(kubectl)["metadata"]["uid"]
    (block,) = commands("docs/upgrade.md", "From an installation without Helm")

    run(block, control_plane, tmp_path)

    assert deployment(kubectl)["metadata"]["uid"] == before
    assert deployment(kubectl)["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    helm.run(
        "upgrade", "tenantry", str(charts.OPERATOR), "--reuse-values", "--force-conflicts", "--set", "maxRollouts=3"
    )
    assert env(deployment(kubectl))["TENANTRY_MAX_ROLLOUTS"] == "3"


def uninstall_all(helm: Helm, kubectl: Kubectl) -> None:
    """Both releases, and the definitions, which Helm keeps."""
    helm.run("uninstall", "tenantry", "tenantry-crds")
    remove(kubectl, *DEFINITIONS)


def established(kubectl: Kubectl) -> None:
    for name in DEFINITIONS:
        kubectl.wait("condition=Established", f"crd/{name}", "default", 30)


def deployment(kubectl: Kubectl) -> charts.Manifest:
    found: charts.Manifest = json.loads(
        kubectl.run("-n", SYSTEM, "get", "deployment", "tenantry-operator", "-o", "json")
    )
    return found


def env(found: charts.Manifest) -> dict[str, str]:
    """What the operator's container is told."""
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}
