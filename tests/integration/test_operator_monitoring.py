"""Scraping and alerts, with the real definitions of Prometheus Operator, which come and go under the operator."""

import json
import re

import pytest

from dev.kubectl import Kubectl
from dev.promcheck import problems
from tenantry_gateway.metrics import Metrics
from tests.integration.operator_harness import Operator, eventually, gateway
from tests.integration.own_control_plane import (
    account,
    control_plane,
    installed,
    kubectl,
    operator,
    serve,
    stop_serving,
)
from tests.integration.test_operator_exposure import condition_types, found, merge
from tests.integration.test_operator_permissions import without

__all__ = ["account", "control_plane", "installed", "kubectl", "operator"]

pytestmark = pytest.mark.usefixtures("operator")
BOTH = {"serviceMonitor": {"interval": "1m30s", "labels": {"release": "prometheus"}}, "prometheusRule": {}}


@pytest.fixture
def prometheus_operator(kubectl: Kubectl) -> None:
    if "prometheusrules.monitoring.coreos.com" not in kubectl.run("get", "crd", "-o", "name"):
        serve(kubectl, "prometheus-operator.yaml")


def test_without_prometheus_operator_the_status_says_so_and_nothing_waits_for_it(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(gateway("a", namespace, monitoring=BOTH))
    missing = found(kubectl, namespace, "MonitoringReady", "MonitoringAPIMissing")
    assert "no ServiceMonitor and no PrometheusRule" in missing["message"]
    assert kubectl.get("deployment", "a-gateway", namespace)

    serve(kubectl, "prometheus-operator.yaml")
    assert found(kubectl, namespace, "MonitoringReady", "MonitoringReady")["status"] == "True"
    assert kubectl.get("servicemonitor", "a-gateway", namespace)["metadata"]["labels"]["release"] == "prometheus"
    assert kubectl.get("prometheusrule", "a-gateway", namespace)

    stop_serving(kubectl, "prometheus-operator.yaml")
    found(kubectl, namespace, "MonitoringReady", "MonitoringAPIMissing")


@pytest.mark.usefixtures("prometheus_operator")
def test_drift_is_put_right_and_a_feature_that_is_off_leaves_nothing(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace, monitoring=BOTH))
    found(kubectl, namespace, "MonitoringReady", "MonitoringReady")

    merge(kubectl, "servicemonitor", "a-gateway", namespace, {"spec": {"endpoints": [{"port": "other"}]}})
    eventually(lambda: kubectl.get("servicemonitor", "a-gateway", namespace)["spec"]["endpoints"][0]["port"] == "http")
    kubectl.run("-n", namespace, "delete", "prometheusrule", "a-gateway")
    eventually(lambda: kubectl.get("prometheusrule", "a-gateway", namespace))

    merge(kubectl, "tgw", "a", namespace, {"spec": {"monitoring": {"prometheusRule": None}}})
    eventually(lambda: not kubectl.items("prometheusrules", namespace))
    assert kubectl.items("servicemonitors", namespace)
    merge(kubectl, "tgw", "a", namespace, {"spec": {"monitoring": None}})
    eventually(lambda: not kubectl.items("servicemonitors", namespace))
    eventually(lambda: "MonitoringReady" not in condition_types(kubectl, namespace))


@pytest.mark.usefixtures("prometheus_operator")
def test_nothing_is_written_again_neither_later_nor_by_a_restarted_operator(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    kubectl.apply(gateway("a", namespace, monitoring=BOTH))
    found(kubectl, namespace, "MonitoringReady", "MonitoringReady")
    eventually(operator.idle)

    before = operator.audited()
    operator.stop()
    operator.start()
    operator.settled(1)
    assert operator.writes(namespace, since=before) == []


@pytest.mark.usefixtures("prometheus_operator")
def test_a_missing_permission_hurts_monitoring_alone(kubectl: Kubectl, namespace: str) -> None:
    with without(kubectl, "prometheusrules", "create", "patch"):
        kubectl.apply(gateway("a", namespace, monitoring=BOTH))
        denied = found(kubectl, namespace, "MonitoringReady", "PermissionDenied")
        assert "may not patch prometheusrules.monitoring.coreos.com" in denied["message"]
        assert kubectl.get("servicemonitor", "a-gateway", namespace)
        assert kubectl.get("deployment", "a-gateway", namespace)
    found(kubectl, namespace, "MonitoringReady", "MonitoringReady", seconds=120)


@pytest.mark.usefixtures("prometheus_operator")
def test_prometheus_takes_the_alerts_which_are_about_metrics_that_the_gateway_has(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(gateway("a", namespace, monitoring=BOTH))
    rule = eventually(lambda: kubectl.get("prometheusrule", "a-gateway", namespace))

    assert problems("rules", json.dumps({"groups": rule["spec"]["groups"]})) == []
    expressions = " ".join(one["expr"] for one in rule["spec"]["groups"][0]["rules"])
    used = {re.sub("_(total|bucket|count)$", "", name) for name in re.findall(r"(?:tenantry|gen_ai)_\w+", expressions)}
    known = {re.sub("_total$", "", name) for name in re.findall(r"^# TYPE (\w+) ", metrics(), re.MULTILINE)}
    assert used
    assert used <= known


def metrics() -> str:
    """What a gateway's /metrics answers."""
    return Metrics().render().decode()
