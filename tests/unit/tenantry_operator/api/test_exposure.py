from typing import Any

import pytest

from tenantry_operator.errors import InvalidObject
from tests.unit.tenantry_operator.objects import gateway

HOSTS = {"hosts": ["a.example.com"]}


def route(**more: Any) -> dict[str, Any]:
    return {"httpRoute": {"parentRefs": [{"name": "public"}], **more}}


@pytest.mark.parametrize(
    "exposure",
    [
        {},
        route(),
        route(hostnames=["a.example.com", "*.b.example.com"], annotations={"example.com/x": "y"}),
        route(parentRefs=[{"name": "a"}, {"name": "b"}, {"name": "a", "namespace": "other"}]),
        route(parentRefs=[{"name": "a", "sectionName": "http"}, {"name": "a", "sectionName": "https", "port": 443}]),
        {**route(), "ingress": {**HOSTS, "ingressClassName": "nginx", "tls": {"secretName": "tls"}}},
    ],
)
def test_exposure_that_has_a_meaning_is_read(exposure: dict[str, Any]) -> None:
    spec = gateway({"exposure": exposure}).spec.exposure

    assert (spec.http_route is not None, spec.ingress is not None) == ("httpRoute" in exposure, "ingress" in exposure)


@pytest.mark.parametrize(
    ("exposure", "message"),
    [
        (route(parentRefs=[]), "at least 1 item"),
        (route(parentRefs=[{"name": "a"}, {"name": "a", "sectionName": "s"}]), "name each listener"),
        (route(parentRefs=[{"name": "a"}, {"name": "a", "port": 80}]), "name each listener"),
        (route(hostnames=["a.example.com", "a.example.com"]), "two items are the same"),
        (route(hostnames=["192.0.2.1"]), "not an IP address"),
        (route(hostnames=["A.example.com"]), "should match pattern"),
        (route(hostnames=["a.*.example.com"]), "should match pattern"),
        (route(annotations={"tenantry.dev/x": "y"}), "are set for you"),
        (route(annotations={"kubernetes.io/ingress.class": "nginx"}), "set ingressClassName"),
        ({"ingress": {"hosts": []}}, "at least 1 item"),
        ({"ingress": {**HOSTS, "annotations": {"nginx.ingress.kubernetes.io/server-snippet": "x"}}}, "snippets"),
        ({"ingress": {**HOSTS, "annotations": {"two words": "x"}}}, "a key must have"),
        ({"ingress": {**HOSTS, "annotations": {f"example.com/{'x' * 64}": ""}}}, "a key must have"),
        (
            {"ingress": {**HOSTS, "annotations": {f"{'x' * 63}.{'y' * 63}.{'z' * 63}.{'x' * 63}/a": ""}}},
            "a key must have",
        ),
    ],
)
def test_exposure_without_a_meaning_is_refused(exposure: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidObject, match=message):
        gateway({"exposure": exposure})


@pytest.mark.parametrize(
    ("monitoring", "message"),
    [
        ({"prometheusRule": {}}, "prometheusRule needs serviceMonitor"),
        ({"serviceMonitor": {"interval": "0s"}}, "should match pattern"),
        ({"serviceMonitor": {"interval": "30"}}, "should match pattern"),
        ({"serviceMonitor": {"labels": {"app.kubernetes.io/name": "x"}}}, "are set for you"),
        ({"serviceMonitor": {"labels": {"release": "-x"}}}, "should match pattern"),
    ],
)
def test_monitoring_without_a_meaning_is_refused(monitoring: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidObject, match=message):
        gateway({"monitoring": monitoring})


def test_an_empty_object_turns_monitoring_on() -> None:
    spec = gateway({"monitoring": {"serviceMonitor": {}, "prometheusRule": {}}}).spec.monitoring

    assert spec.service_monitor is not None
    assert spec.prometheus_rule is not None
