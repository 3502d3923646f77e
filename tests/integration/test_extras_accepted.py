"""Whatever a Gateway may ask for is accepted by the real kinds of other projects, without a warning and unchanged."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from dev.promcheck import problems
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.kube.kinds import OPTIONAL_KINDS, kind_of
from tenantry_operator.kube.projection import live_digest, manifest_digest
from tenantry_operator.resources.desired import EXTRAS
from tenantry_operator.resources.metadata import FIELD_MANAGER
from tests.integration.dry_run import DryRun
from tests.integration.own_control_plane import control_plane, kubectl, serve
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
def api(control_plane: ControlPlane, kubectl: Kubectl) -> Iterator[DryRun]:
    """An API server with every optional kind."""
    for file in ("gateway-api.yaml", "prometheus-operator.yaml"):
        serve(kubectl, file)
    kubectl.run("create", "namespace", "team-a")
    with DryRun(control_plane.kubeconfig) as connection:
        yield connection


def rendered(spec: dict[str, Any], name: str = "assistants") -> list[dict[str, Any]]:
    subject = Gateway.parse(gateway_body(spec, name=name))
    return [extra for build in EXTRAS if (extra := build(subject)) is not None]


def assert_every_extra_is_taken_and_stays_as_it_is(api: DryRun, manifests: list[dict[str, Any]]) -> None:
    for manifest in manifests:
        answer = api.apply(kind_of(manifest), manifest)
        assert answer.accepted, answer.message
        assert answer.warnings == ()
        assert live_digest(answer.body, FIELD_MANAGER) == manifest_digest(manifest), answer.body


@pytest.mark.parametrize("name", ["a", "a" * 40])
def test_everything_at_once_is_taken_without_a_warning_and_stays_as_it_is(api: DryRun, name: str) -> None:
    manifests = rendered(FULL, name)

    assert {kind_of(manifest) for manifest in manifests} == set(OPTIONAL_KINDS)
    assert_every_extra_is_taken_and_stays_as_it_is(api, manifests)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(exposure=exposures, monitoring=monitorings)
def test_every_extra_of_any_valid_gateway_is_taken_without_a_warning_and_stays_as_it_is(
    api: DryRun, exposure: dict[str, Any], monitoring: dict[str, Any]
) -> None:
    assert_every_extra_is_taken_and_stays_as_it_is(api, rendered({"exposure": exposure, "monitoring": monitoring}))


def test_the_alerts_of_the_longest_and_shortest_name_are_taken_by_prometheus() -> None:
    for name in ("a", "a" * 40):
        rule = next(each for each in rendered(FULL, name) if each["kind"] == "PrometheusRule")
        assert problems("rules", json.dumps(rule["spec"])) == []
