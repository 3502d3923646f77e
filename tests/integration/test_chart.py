"""The charts themselves: what Helm makes of them, and what the API server says to that."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dev import charts
from dev.kubectl import Kubectl
from tenantry_operator.settings import parse_settings
from tests.integration.chart_values import DIGEST, EVERYTHING
from tests.integration.operator_harness import ROOT, SYSTEM, Manifest
from tests.integration.own_control_plane import control_plane, kubectl, serve

__all__ = ["control_plane", "kubectl"]

OPERATOR = "tenantry-operator"
MATRIX: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "some namespaces": {"scope": {"namespaces": ["team-a", "team-b"]}, "admissionPolicy": {"enabled": True}},
    "the least": {
        "replicas": 1,
        "podDisruptionBudget": {"enabled": False},
        "metrics": {"service": {"enabled": False}},
        "roles": {"create": False},
    },
}


@pytest.fixture(scope="module")
def api(kubectl: Kubectl) -> Kubectl:
    """An API server with the definitions, the namespaces and the monitoring kinds that the matrix needs."""
    serve(kubectl, "prometheus-operator.yaml")
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    for name in (SYSTEM, "team-a", "team-b"):
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    kubectl.run("-n", SYSTEM, "wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    return kubectl


@pytest.mark.parametrize("chart", [charts.OPERATOR, charts.DEFINITIONS], ids=lambda path: path.name)
def test_helm_finds_nothing_to_complain_about(chart: Path) -> None:
    assert "0 chart(s) failed" in charts.helm("lint", "--strict", str(chart))


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_every_object_is_accepted_under_restricted_without_a_warning(api: Kubectl, values: dict[str, Any]) -> None:
    manifests = charts.render(charts.OPERATOR, values, tests=True)
    flags = ("--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors")

    api.run("apply", *flags, "-f", "-", stdin=yaml.safe_dump_all(manifests))

    outside = {one["metadata"].get("namespace") for one in manifests} - {None, SYSTEM}
    assert outside == set(values.get("scope", {}).get("namespaces", ()))


def test_the_definitions_are_those_that_are_generated_and_stay_when_the_chart_goes(api: Kubectl) -> None:
    manifests = charts.render(charts.DEFINITIONS, {})

    api.run("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump_all(manifests))
    generated = [yaml.safe_load(file.read_text()) for file in sorted((ROOT / "crds").glob("tenantry.dev_*.yaml"))]
    assert {one["metadata"]["name"]: one["spec"] for one in manifests} == {
        one["metadata"]["name"]: one["spec"] for one in generated
    }
    assert {one["metadata"]["annotations"]["helm.sh/resource-policy"] for one in manifests} == {"keep"}


def test_the_operator_gets_what_the_values_say() -> None:
    deployment = only(charts.render(charts.OPERATOR, EVERYTHING), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    settings = parse_settings(container["args"][1:], {"POD_NAME": "a", **env})

    assert container["image"] == f"registry.example.com:5000/tenantry/operator@{DIGEST}"
    assert container["args"] == ["run", "--workers=16", "--relist-seconds=600"]
    assert settings.gateway_image == f"registry.example.com/gateway@{DIGEST}"
    assert (settings.max_rollouts, settings.workers) == (3, 16)
    assert env["TENANTRY_DNS_ADDRESSES"] == "169.254.20.10,fd00::a"
    assert settings.namespaces == ()


def test_for_some_namespaces_nothing_is_granted_in_the_whole_cluster() -> None:
    values = {"scope": {"namespaces": ["team-a", "team-b"]}, "roles": {"create": False}}
    manifests = charts.render(charts.OPERATOR, values)

    assert {one["kind"] for one in manifests if "namespace" not in one["metadata"]} == set()
    roles = {one["metadata"]["namespace"]: one for one in manifests if one["kind"] == "Role"}
    assert set(roles) == {"team-a", "team-b", SYSTEM}
    assert roles["team-a"]["rules"] == operator_role(charts.render(charts.OPERATOR, {}))["rules"]
    for binding in (one for one in manifests if one["kind"] == "RoleBinding"):
        assert binding["roleRef"]["kind"] == "Role"
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "tenantry-operator", "namespace": SYSTEM}]
    (container,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"name": "TENANTRY_NAMESPACES", "value": "team-a,team-b"} in container["env"]


def test_for_some_namespaces_only_the_rights_of_people_and_the_policy_are_cluster_scoped() -> None:
    values = {"scope": {"namespaces": ["team-a"]}, "admissionPolicy": {"enabled": True}}
    manifests = charts.render(charts.OPERATOR, values)

    assert {(one["kind"], one["metadata"]["name"]) for one in manifests if "namespace" not in one["metadata"]} == {
        ("ClusterRole", "tenantry-edit"),
        ("ClusterRole", "tenantry-view"),
        ("ClusterRole", "tenantry-agentbinding-editor"),
        ("ClusterRole", "tenantry-gateway-viewer"),
        ("ValidatingAdmissionPolicy", f"tenantry-gateways-{SYSTEM}"),
        ("ValidatingAdmissionPolicyBinding", f"tenantry-gateways-{SYSTEM}"),
    }


def test_without_a_tag_of_the_users_the_gateways_image_is_the_charts_and_not_the_operators_version() -> None:
    chart = yaml.safe_load((charts.OPERATOR / "Chart.yaml").read_text())
    tag = chart["annotations"]["tenantry.dev/default-gateway-tag"]

    assert gateway_image({}) == f"tenantry.dev/gateway:{tag}"
    assert gateway_image({"image": {"tag": "9.9.9"}}) == f"tenantry.dev/gateway:{tag}"
    assert gateway_image({"defaultGatewayImage": {"tag": "1.2.3"}}) == "tenantry.dev/gateway:1.2.3"


def test_two_replicas_come_with_a_budget_for_just_their_pods() -> None:
    manifests = charts.render(charts.OPERATOR, {})
    deployment, budget = (only(manifests, kind)["spec"] for kind in ("Deployment", "PodDisruptionBudget"))

    assert deployment["replicas"] == 2
    assert budget["selector"] == deployment["selector"]
    assert budget["maxUnavailable"] == 1


def test_the_policys_parameters_are_lines_of_text() -> None:
    config_maps = {
        one["metadata"]["name"]: one for one in charts.render(charts.OPERATOR, EVERYTHING) if one["kind"] == "ConfigMap"
    }
    parameters = config_maps["tenantry-policy"]["data"]

    assert parameters["contact"] == "platform@example.com\nchat: platform"
    assert parameters["team-a.allowedModels"] == "*"
    assert parameters["requireNetworkPolicy"] == "true"
    assert parameters["team-a.requireNetworkPolicy"] == "false"


def operator_role(manifests: list[Manifest]) -> Manifest:
    """The ClusterRole of the operator itself."""
    (found,) = (one for one in manifests if (one["kind"], one["metadata"]["name"]) == ("ClusterRole", OPERATOR))
    return found


def gateway_image(values: dict[str, Any]) -> str:
    """The image that the operator gives to Gateways that name none."""
    (container,) = only(charts.render(charts.OPERATOR, values), "Deployment")["spec"]["template"]["spec"]["containers"]
    found: str = next(one["value"] for one in container["env"] if one["name"] == "TENANTRY_GATEWAY_IMAGE")
    return found


def only(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = (one for one in manifests if one["kind"] == kind)
    return found
