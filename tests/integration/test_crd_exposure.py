"""``spec.exposure`` and ``spec.monitoring`` on a real API server: what is accepted, what is refused, and how."""

from typing import Any

import pytest
import yaml

from dev.kubectl import Kubectl, KubectlError
from tests.integration.crd_harness import crds, dry_run
from tests.integration.operator_harness import ROOT

__all__ = ["crds"]

NAMESPACE = "test-crd-exposure"
HOSTS = {"hosts": ["a.example.com"]}
MANY = [f"h{number}.example.com" for number in range(17)]
LISTENERS = "name each listener of a Gateway once"


def route(**more: Any) -> dict[str, Any]:
    return {"exposure": {"httpRoute": {"parentRefs": [{"name": "public"}], **more}}}


def ingress(**more: Any) -> dict[str, Any]:
    return {"exposure": {"ingress": {**HOSTS, **more}}}


@pytest.mark.parametrize(
    "spec",
    [
        {"exposure": {}},
        route(),
        route(hostnames=["a.example.com", "*.b.example.com"], annotations={"example.com/x": "y"}),
        route(parentRefs=[{"name": "a"}, {"name": "b"}, {"name": "a", "namespace": "other"}]),
        route(parentRefs=[{"name": "a", "sectionName": "http"}, {"name": "a", "sectionName": "https", "port": 443}]),
        ingress(ingressClassName="nginx", tls={"secretName": "tls"}, annotations={"cert-manager.io/issuer": "x"}),
        {"exposure": route()["exposure"] | ingress()["exposure"]},
        {"monitoring": {"serviceMonitor": {}}},
        {"monitoring": {"serviceMonitor": {"interval": "1m30s", "labels": {"release": "x"}}, "prometheusRule": {}}},
    ],
)
def test_what_has_a_meaning_is_accepted(crds: Kubectl, spec: dict[str, Any]) -> None:
    assert dry_run(crds, NAMESPACE, **spec) == "gateway.tenantry.dev/dry\n"


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (route(parentRefs=[]), "httpRoute.parentRefs: ", "at least 1 items"),
        (route(parentRefs=[{"name": "a"}, {"name": "a", "sectionName": "s"}]), "httpRoute.parentRefs: ", LISTENERS),
        (route(parentRefs=[{"name": "a"}, {"name": "a", "port": 80}]), "httpRoute.parentRefs: ", LISTENERS),
        (route(parentRefs=[{"name": "a", "port": 0}]), "httpRoute.parentRefs[0].port: ", "greater than or equal to 1"),
        (route(parentRefs=[{"name": "a", "kind": "Service"}]), "httpRoute.parentRefs[0].kind", "unknown field"),
        (route(hostnames=["a.example.com", "a.example.com"]), "httpRoute.hostnames[1]: ", "Duplicate value"),
        (route(hostnames=["192.0.2.1"]), "httpRoute.hostnames[0]: ", "must be a name, not an IP address"),
        (route(hostnames=["A.example.com"]), "httpRoute.hostnames[0]: ", "should match"),
        (route(hostnames=["a.*.com"]), "httpRoute.hostnames[0]: ", "should match"),
        (route(hostnames=MANY), "httpRoute.hostnames: ", "at most 16 items"),
        (route(annotations={"a.tenantry.dev/x": "y"}), "httpRoute.annotations: ", "are set for you"),
        ({"exposure": {"ingress": {}}}, "ingress.hosts: ", "Required value"),
        (ingress(hosts=[]), "ingress.hosts: ", "at least 1 items"),
        (ingress(ingressClassName=""), "ingress.ingressClassName: ", "at least 1 chars"),
        (ingress(tls={}), "ingress.tls.secretName: ", "Required value"),
        (ingress(annotations={"kubernetes.io/ingress.class": "x"}), "ingress.annotations: ", "set ingressClassName"),
        (ingress(annotations={"nginx.ingress.kubernetes.io/server-snippet": "x"}), "ingress.annotations: ", "snippets"),
        (ingress(annotations={"two words": "x"}), "ingress.annotations: ", "a key must have at most 63 letters"),
        ({"monitoring": {"prometheusRule": {}}}, "monitoring.prometheusRule: ", "prometheusRule needs serviceMonitor"),
        ({"monitoring": {"serviceMonitor": {"interval": "30"}}}, "serviceMonitor.interval: ", "should match"),
        ({"monitoring": {"serviceMonitor": {"labels": {"a": "-"}}}}, "serviceMonitor.labels.a: ", "should match"),
        (
            {"monitoring": {"serviceMonitor": {"labels": {"app.kubernetes.io/name": "x"}}}},
            "serviceMonitor.labels: ",
            "are set for you",
        ),
    ],
)
def test_what_has_none_is_refused_with_path_and_remedy(
    crds: Kubectl, spec: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(KubectlError) as refusal:
        dry_run(crds, NAMESPACE, **spec)

    assert field in str(refusal.value)
    assert message in str(refusal.value)


def test_the_example_is_accepted(crds: Kubectl) -> None:
    example = yaml.safe_load((ROOT / "examples/exposed-team.yaml").read_text())

    assert dry_run(crds, NAMESPACE, **example["spec"]) == "gateway.tenantry.dev/dry\n"
