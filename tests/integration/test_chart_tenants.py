"""What the chart asks of tenants' gateways: only metrics and labels that these have, each told by its tenant."""

import json
import re

import pytest

from tenantry_gateway.metrics import Metrics
from tenantry_gateway.providers.model import Usage
from tenantry_operator.resources.pod import CONTAINER
from tenantry_operator.resources.service import build_service
from tenantry_operator.resources.service_monitor import build_service_monitor
from tests.integration.chart_queries import FILES, faults, label_lists, queries, selectors, targets
from tests.integration.test_chart_alerts import rules, worlds_of
from tests.unit.tenantry_operator.objects import gateway

DASHBOARD = "tenant-dashboard.json"
TENANT_RULES = rules("tenant-alerts.yaml")
TARGET = {"namespace", "service", "job", "pod", "instance", "container", "endpoint", "tenantry_dev_gateway"}
"""What a scrape by the ServiceMonitor adds to every series."""
FOREIGN = {
    "up": TARGET,
    "kube_pod_container_resource_limits": {"namespace", "pod", "container", "node", "resource", "unit"},
}
"""Series that are not a gateway's: Prometheus' own, and kube-state-metrics'."""


def exported() -> dict[str, set[str]]:
    """Every series of a gateway in which everything has happened once: name → labels, with those of a scrape."""
    metrics = Metrics()
    metrics.request("/v1/chat", 200, 1.0)
    metrics.message("main", "slack", 200)
    metrics.turn(waited=0.1, overhead=0.1)
    metrics.model_first_text("main", "claude", 1.0)
    metrics.model_call("main", "claude", Usage(1, 1), 1.0, error_type="")
    metrics.invocation("main", 1.0, error_type="")
    metrics.tool_call("main", "current_time", 1.0)
    metrics.config_loaded(1.0)
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    return {**{sample.name: TARGET | set(sample.labels) for sample in samples}, **FOREIGN}


@pytest.mark.parametrize("expression", queries(DASHBOARD))
def test_every_query_of_the_dashboard_asks_for_what_a_gateway_exports(expression: str) -> None:
    assert faults(expression, exported()) == []


@pytest.mark.parametrize("alert", TENANT_RULES)
def test_every_alert_asks_for_what_a_gateway_exports(alert: str) -> None:
    assert faults(TENANT_RULES[alert]["expr"], exported()) == []


def test_a_metric_or_label_that_no_gateway_exports_would_be_found() -> None:
    text = 'sum by (route, colour) (rate(tenantry_gateway_requests_total{cod="5"}[5m])) / sum(tenantry_gateway_request)'
    known = "sum by (route, code) (rate(tenantry_gateway_requests_total[5m])) or vector(0)"

    found = faults(text, exported())
    assert found == ["tenantry_gateway_request", "tenantry_gateway_requests_total{cod}", "by (colour)"]
    assert faults(known, exported()) == []
    assert list(selectors(known)) == [("tenantry_gateway_requests_total", set())]


def test_every_query_of_the_dashboard_is_about_the_chosen_tenant_and_gateway() -> None:
    for expression in queries(DASHBOARD):
        assert all({"namespace", "service"} <= compared for _, compared in selectors(expression)), expression


def test_every_legend_of_the_dashboard_names_labels_that_are_left() -> None:
    for target in targets(DASHBOARD):
        shown = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
        assert shown <= label_lists(target["expr"]), target


def test_the_variables_of_the_dashboard_come_from_a_series_that_every_gateway_has() -> None:
    variables = json.loads((FILES / DASHBOARD).read_text())["templating"]["list"][1:]

    assert [one["name"] for one in variables] == ["namespace", "service"]
    for one in variables:
        series, label = re.findall(r"^label_values\((\w+).*, (\w+)\)$", one["query"]["query"])[0]
        assert label in exported()[series]


@pytest.mark.parametrize("alert", TENANT_RULES)
def test_every_alert_names_its_tenant_and_gateway(alert: str) -> None:
    fired = [one["exp_labels"] for case in worlds_of(alert) for one in case["exp_alerts"]]
    annotations = TENANT_RULES[alert]["annotations"]
    shown = set(re.findall(r"\$labels\.(\w+)", annotations["summary"] + annotations["description"]))

    assert fired
    for labels in fired:
        assert labels.keys() >= {"namespace", "service", "severity"} | shown
    assert "namespace" in shown


def test_a_gateway_that_is_down_is_known_by_the_label_that_every_scrape_of_it_gets() -> None:
    subject = gateway({"monitoring": {"serviceMonitor": {}}})
    monitor = build_service_monitor(subject)
    assert monitor is not None
    (label,) = monitor["spec"]["targetLabels"]

    assert build_service(subject)["metadata"]["labels"][label]
    assert list(selectors(TENANT_RULES["TenantryGatewayDown"]["expr"])) == [("up", {re.sub(r"\W", "_", label)})]


def test_the_limit_of_memory_is_that_of_the_gateways_own_container() -> None:
    assert f'{{container="{CONTAINER}",resource="memory"}}' in TENANT_RULES["TenantryGatewayMemory"]["expr"]
