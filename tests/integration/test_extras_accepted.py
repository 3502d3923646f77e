"""Whatever a Gateway may ask for is accepted by the real kinds of other projects, without a warning and unchanged."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from dev.kubectl import Kubectl
from dev.promcheck import problems
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.kube.client import apply_body
from tenantry_operator.resources.desired import EXTRAS
from tests.integration.own_control_plane import control_plane, kubectl, serve
from tests.integration.test_crds import agrees
from tests.unit.tenantry_operator.objects import gateway_body
from tests.unit.tenantry_operator.specs import exposures, monitorings

__all__ = ["control_plane", "kubectl"]

FULL: dict[str, Any] = {
    "exposure": {
        "httpRoute": {
            "parentRefs": [{"name": "a"}, {"name": "b", "namespace": "infra", "sectionName": "https", "port": 443}],
            "hostnames": ["a.example.com", "*.b.example.com"],
            "annotations": {"example.com/x": "ü\n"},
        },
        "ingress": {
            "hosts": ["a.example.com", "*.b.example.com"],
            "ingressClassName": "nginx",
            "tls": {"secretName": "tls"},
            "annotations": {"x": ""},
        },
    },
    "monitoring": {
        "serviceMonitor": {"interval": "1m30s", "labels": {"release": "x"}},
        "prometheusRule": {"labels": {"release": "x"}},
    },
}


@pytest.fixture(scope="module")
def kinds(kubectl: Kubectl) -> Kubectl:
    """The cluster with every optional kind."""
    for file in ("gateway-api.yaml", "prometheus-operator.yaml"):
        serve(kubectl, file)
    kubectl.run("create", "namespace", "team-a")
    return kubectl


def rendered(spec: dict[str, Any], name: str = "assistants") -> list[dict[str, Any]]:
    subject = Gateway.parse(gateway_body(spec, name=name))
    found = [extra for build in EXTRAS if (extra := build(subject)) is not None]
    for each in found:
        each["metadata"].pop("ownerReferences")  # Its Gateway does not exist here: the collector would remove it.
    return found


def apply(kubectl: Kubectl, manifest: dict[str, Any], *more: str) -> dict[str, Any]:
    arguments = ("--server-side", "--field-manager=tenantry-operator", "--warnings-as-errors", "-o", "json", *more)
    live: dict[str, Any] = json.loads(kubectl.run("apply", *arguments, "-f", "-", stdin=apply_body(manifest).decode()))
    return live


@pytest.mark.parametrize("name", ["a", "a" * 40])
def test_everything_at_once_is_stored_as_it_was_written_and_a_second_time_without_a_change(
    kinds: Kubectl, name: str
) -> None:
    manifests = rendered(FULL, name)

    assert len(manifests) == len(EXTRAS)
    for manifest in manifests:
        first, second = apply(kinds, manifest), apply(kinds, manifest)
        assert agrees(manifest, first)
        assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@settings(max_examples=12, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(exposure=exposures, monitoring=monitorings)
def test_every_valid_spec_renders_objects_that_are_accepted_without_a_warning(
    kinds: Kubectl, exposure: dict[str, Any], monitoring: dict[str, Any]
) -> None:
    for manifest in rendered({"exposure": exposure, "monitoring": monitoring}):
        assert agrees(manifest, apply(kinds, manifest, "--dry-run=server"))


def test_the_alerts_of_the_longest_and_shortest_name_are_taken_by_prometheus() -> None:
    for name in ("a", "a" * 40):
        rule = next(each for each in rendered(FULL, name) if each["kind"] == "PrometheusRule")
        assert problems("rules", json.dumps(rule["spec"])) == []
