"""The charts themselves: what Helm makes of them, and what the API server says to that."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev import charts
from dev.errors import DevError
from dev.kubectl import Kubectl
from tests.integration.operator_harness import ROOT, SYSTEM, Manifest
from tests.integration.own_control_plane import control_plane, kubectl, serve

__all__ = ["control_plane", "kubectl"]

DIGEST = "sha256:" + "0123456789abcdef" * 4
EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example.com:5000/tenantry/operator", "tag": "1.2.3", "digest": DIGEST},
    "imagePullSecrets": [{"name": "registry"}],
    "defaultGatewayImage": {"repository": "registry.example.com/gateway", "digest": DIGEST, "pullPolicy": "Always"},
    "maxRollouts": 3,
    "replicas": 3,
    "logLevel": "debug",
    "logFormat": "text",
    "extraArgs": ["--workers=16", "--relist-seconds=600"],
    "network": {
        "ingressNamespaces": ["ingress-nginx", "istio-system"],
        "monitoringNamespaces": ["monitoring"],
        "dnsPods": ["openshift-dns/dns.operator.openshift.io/daemonset-dns=default"],
        "dnsAddresses": ["169.254.20.10", "fd00::a"],
        "dnsPorts": [53, 5353],
        "internalNetworks": ["203.0.113.0/24"],
        "clusterDomain": "cluster.example",
    },
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "tenantry-operator"}},
        }
    ],
    "priorityClassName": "system-cluster-critical",
    "podLabels": {"team": "platform"},
    "podAnnotations": {"example.com/note": 'a "quoted" one: with a colon'},
    "serviceAccount": {"annotations": {"example.com/role": "arn:aws:iam::1:role/x"}},
    "metrics": {
        "service": {"annotations": {"prometheus.io/scrape": "true"}},
        "serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}},
        "prometheusRule": {
            "enabled": True,
            "labels": {"release": "prometheus"},
            "runbooks": "https://wiki.example.com/tenantry/",
        },
        "dashboard": {"enabled": True, "labels": {"grafana_dashboard": "2"}},
    },
    "admissionPolicy": {
        "enabled": True,
        "contact": ["platform@example.com", "chat: platform"],
        "allowedImages": ["registry.example.com/platform/*"],
        "allowedModels": ["claude-sonnet-*"],
        "allowedBaseURLs": ["https://proxy.example.com"],
        "allowedHostnames": ["*.example.com"],
        "allowedPriorityClasses": ["batch"],
        "requireNetworkPolicy": True,
        "namespaces": {"team-a": {"allowedModels": ["*"], "requireNetworkPolicy": False}},
    },
}
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
    return kubectl


@pytest.mark.parametrize("chart", [charts.OPERATOR, charts.DEFINITIONS], ids=lambda path: path.name)
def test_helm_finds_nothing_to_complain_about(chart: Path) -> None:
    assert "0 chart(s) failed" in charts.helm("lint", "--strict", str(chart))


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_every_object_is_accepted_under_restricted_without_a_warning(api: Kubectl, values: dict[str, Any]) -> None:
    manifests = charts.render(charts.OPERATOR, values)
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


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"replcas": 2}, "'replcas' not allowed"),
        ({"replicas": "two"}, "at '/replicas'"),
        ({"maxRollouts": 0}, "at '/maxRollouts'"),
        ({"logLevel": "verbose"}, "at '/logLevel'"),
        ({"image": {"digest": "sha256:1"}}, "at '/image/digest'"),
        ({"defaultGatewayImage": {"tag": ""}}, "at '/defaultGatewayImage/tag'"),
        ({"scope": {"namespaces": ["Team A"]}}, "at '/scope/namespaces/0'"),
        ({"podLabels": {"app.kubernetes.io/name": "x"}}, "at '/podLabels/app.kubernetes.io"),
        ({"admissionPolicy": {"namespaces": {"Team A": {}}}}, "'Team A' not allowed"),
        ({"admissionPolicy": {"namespaces": {"team-a": {"allowedModel": []}}}}, "'allowedModel' not allowed"),
        ({"admissionPolicy": {"allowedModels": ["a\nb"]}}, "at '/admissionPolicy/allowedModels/0'"),
        (
            {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}},
            "metrics.serviceMonitor.enabled needs metrics.service.enabled",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DevError) as refusal:
        charts.render(charts.OPERATOR, values)

    assert complaint in str(refusal.value)


def test_every_value_that_the_schema_knows_has_a_default_and_the_other_way_round() -> None:
    schema = json.loads((charts.OPERATOR / "values.schema.json").read_text())
    values = yaml.safe_load((charts.OPERATOR / "values.yaml").read_text())

    assert known_paths(schema) - {".global"} == given_paths(values, schema)


def test_the_operator_gets_what_the_values_say() -> None:
    deployment = only(charts.render(charts.OPERATOR, EVERYTHING), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one.get("value") for one in container["env"]}

    assert container["image"] == f"registry.example.com:5000/tenantry/operator@{DIGEST}"
    assert container["args"] == ["run", "--workers=16", "--relist-seconds=600"]
    assert env["TENANTRY_GATEWAY_IMAGE"] == f"registry.example.com/gateway@{DIGEST}"
    assert env["TENANTRY_MAX_ROLLOUTS"] == "3"
    assert env["TENANTRY_DNS_ADDRESSES"] == "169.254.20.10,fd00::a"
    assert "TENANTRY_NAMESPACES" not in env


def test_for_some_namespaces_nothing_is_granted_in_the_whole_cluster() -> None:
    values = {"scope": {"namespaces": ["team-a", "team-b"]}, "roles": {"create": False}}
    manifests = charts.render(charts.OPERATOR, values)

    assert {one["kind"] for one in manifests if "namespace" not in one["metadata"]} == set()
    roles = {one["metadata"]["namespace"]: one for one in manifests if one["kind"] == "Role"}
    assert set(roles) == {"team-a", "team-b", SYSTEM}
    (container,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"name": "TENANTRY_NAMESPACES", "value": "team-a,team-b"} in container["env"]


def test_the_policys_parameters_are_lines_of_text() -> None:
    config_maps = {
        one["metadata"]["name"]: one for one in charts.render(charts.OPERATOR, EVERYTHING) if one["kind"] == "ConfigMap"
    }
    parameters = config_maps["tenantry-policy"]["data"]

    assert parameters["contact"] == "platform@example.com\nchat: platform"
    assert parameters["team-a.allowedModels"] == "*"
    assert parameters["requireNetworkPolicy"] == "true"
    assert parameters["team-a.requireNetworkPolicy"] == "false"


def test_chart_and_kustomize_base_install_the_same(api: Kubectl) -> None:
    """Rights, roles and policy word for word, and the pod but for what the chart's values say."""
    chart = charts.render(charts.OPERATOR, {"admissionPolicy": {"enabled": True}})
    base = [
        manifest
        for folder in ("deploy", "deploy/policy")
        for manifest in yaml.safe_load_all(api.run("kustomize", str(ROOT / folder)))
    ]

    for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "PodDisruptionBudget"):
        assert content(chart, kind) == content(base, kind), kind
    for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ServiceAccount"):
        assert content(chart, kind) == content(base, kind), kind
    assert pod(chart) == pod(base)


def known_paths(schema: dict[str, Any], path: str = "") -> set[str]:
    """Every property that a schema names."""
    properties = schema.get("properties", {})
    return {f"{path}.{key}" for key in properties}.union(
        *(known_paths(child, f"{path}.{key}") for key, child in properties.items())
    )


def given_paths(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> set[str]:
    """Every value, down to where the schema names no properties."""
    named = schema.get("properties", {})
    found = {f"{path}.{key}" for key in values} if named else set()
    for key, value in values.items():
        if isinstance(value, dict):
            found |= given_paths(value, named.get(key, {}), f"{path}.{key}")
    return found


def content(manifests: list[Manifest], kind: str) -> dict[str, Any]:
    """What objects of a kind hold besides their metadata, by name."""
    return {
        one["metadata"]["name"]: {key: value for key, value in one.items() if key != "metadata"}
        for one in manifests
        if one["kind"] == kind
    }


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    """The operator's Deployment without images and settings."""
    found: dict[str, Any] = json.loads(json.dumps(only(manifests, "Deployment")["spec"]))
    (container,) = found["template"]["spec"]["containers"]
    del container["image"]
    container["env"] = [one for one in container["env"] if not one["name"].startswith("TENANTRY_")]
    return found


def only(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = (one for one in manifests if one["kind"] == kind)
    return found
