from typing import Any

import pytest

from tenantry_operator.conditions.gateway import gateway_status
from tenantry_operator.conditions.monitoring import monitoring_ready
from tenantry_operator.conditions.observation import Observation, Problem
from tests.unit.tenantry_operator.objects import NOW, condition, gateway, observation

BOTH = frozenset({"ServiceMonitor", "PrometheusRule"})


def monitored(**more: Any) -> Observation:
    return observation(gateway({"monitoring": {"serviceMonitor": {}, "prometheusRule": {}}}), **more)


@pytest.mark.parametrize(
    ("seen", "status", "reason", "words"),
    [
        (monitored(extras=BOTH), "True", "MonitoringReady", "ServiceMonitor and PrometheusRule are there."),
        (monitored(), "Unknown", "MonitoringPending", "ServiceMonitor, PrometheusRule"),
        (monitored(missing_apis=BOTH), "False", "MonitoringAPIMissing", "no ServiceMonitor and no PrometheusRule"),
        (
            monitored(extras=BOTH, missing_apis=frozenset({"PrometheusRule"})),
            "False",
            "MonitoringAPIMissing",
            "no PrometheusRule (monitoring.coreos.com/v1)",
        ),
        (
            monitored(extra_problems={"PrometheusRule": Problem("ApplyFailed", "webhook says no")}),
            "False",
            "ApplyFailed",
            "webhook says no",
        ),
        (
            observation(gateway({"monitoring": {"serviceMonitor": {}}}), extras=BOTH),
            "True",
            "MonitoringReady",
            "ServiceMonitor is there.",
        ),
    ],
)
def test_monitoring_is_ready_when_its_objects_are_there(
    seen: Observation, status: str, reason: str, words: str
) -> None:
    found = monitoring_ready(seen)

    assert found is not None
    assert (found.status, found.reason) == (status, reason)
    assert words in found.message


def test_nobody_who_asks_for_nothing_is_told_anything() -> None:
    assert monitoring_ready(observation(missing_apis=BOTH)) is None


def test_a_cluster_without_prometheus_operator_keeps_no_gateway_from_being_done() -> None:
    status = gateway_status(monitored(missing_apis=BOTH), NOW)

    assert condition(status, "MonitoringReady")["status"] == "False"
    assert condition(status, "Ready")["status"] == "True"
    assert condition(status, "Reconciling") == condition(status, "Stalled") == {}
