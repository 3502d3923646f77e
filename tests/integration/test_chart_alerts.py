"""The chart's alerts and dashboards: each alert fires when it should, and alone then; each query has its metrics."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from dev import charts, promtool
from dev.promcheck import problems
from tenantry_gateway.metrics import Metrics
from tests.integration.chart_queries import DASHBOARDS, FILES, panels, queries
from tests.integration.operator_harness import ROOT, Operator

HERE = Path(__file__).parent
WORLDS = {"alerts.yaml": HERE / "chart_alerts.yaml", "tenant-alerts.yaml": HERE / "chart_tenant_alerts.yaml"}
METRIC = re.compile(r"\b((?:tenantry_|gen_ai_(?:client|server)_)[a-z_]+)\b")


def rules(*files: str) -> dict[str, dict[str, Any]]:
    groups = [group for file in files or WORLDS for group in yaml.safe_load((FILES / file).read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def worlds_of(alert: str) -> list[dict[str, Any]]:
    """What is expected of an alert in each of its worlds."""
    return [
        case["alert_rule_test"][0]
        for worlds in WORLDS.values()
        for case in yaml.safe_load(worlds.read_text())["tests"]
        if case["alert_rule_test"][0]["alertname"] == alert
    ]


@pytest.mark.parametrize("alert", rules())
def test_each_alert_is_tried_in_a_world_where_it_fires_and_in_one_where_it_must_not(alert: str) -> None:
    expected = [bool(case["exp_alerts"]) for case in worlds_of(alert)]

    assert set(expected) == {True, False}


@pytest.mark.parametrize("file", WORLDS)
def test_promtool_agrees_with_every_expectation(tmp_path: Path, file: str) -> None:
    """promtool compares annotations too, and Debian's does so always: they are not what is tested, so they go."""
    plain = yaml.safe_load((FILES / file).read_text())
    for group in plain["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    (tmp_path / file).write_text(yaml.safe_dump(plain))
    (tmp_path / "worlds.yaml").write_text(WORLDS[file].read_text())

    assert promtool.test_rules(tmp_path / "worlds.yaml") == ""


@pytest.mark.parametrize("file", WORLDS)
def test_promtool_would_find_a_broken_expectation(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text((FILES / file).read_text())
    worlds = yaml.safe_load(WORLDS[file].read_text())
    expected = worlds["tests"][0]["alert_rule_test"][0]
    assert expected["exp_alerts"]
    expected["exp_alerts"] = []
    (tmp_path / "worlds.yaml").write_text(yaml.safe_dump(worlds))

    assert expected["alertname"] in promtool.test_rules(tmp_path / "worlds.yaml")


@pytest.mark.parametrize("file", WORLDS)
def test_the_rules_are_well_formed(file: str) -> None:
    assert problems("rules", (FILES / file).read_text()) == []
    assert promtool.check_rules(FILES / file) == ""


def test_promtool_would_find_a_rule_that_is_not_well_formed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text((FILES / "tenant-alerts.yaml").read_text().replace("histogram_quantile(", "quantile_of("))

    assert "quantile_of" in promtool.check_rules(broken)


def test_the_chart_delivers_every_alert_and_its_runbook_can_be_found() -> None:
    delivered = rendered_rules({"enabled": True, "runbooks": "https://example.com/docs/"})
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)

    assert headings == list(rules()) == list(delivered)
    assert delivered["TenantryOperatorDown"]["expr"] == 'absent(tenantry_operator_build_info{namespace="agents"})'
    for alert, rule in delivered.items():
        assert rule["annotations"]["runbook_url"] == f"https://example.com/docs/runbooks.md#{alert.lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_alerts_for_tenants_can_be_left_to_the_gateways_own() -> None:
    assert list(rendered_rules({"enabled": True, "gateways": False})) == list(rules("alerts.yaml"))


def rendered_rules(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The alerts of all PrometheusRules that Helm makes."""
    manifests = charts.render(charts.OPERATOR, {"metrics": {"prometheusRule": values}}, "agents")
    groups = [group for one in manifests if one["kind"] == "PrometheusRule" for group in one["spec"]["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("dashboard", DASHBOARDS.values())
def test_every_query_of_a_dashboard_can_be_read(dashboard: str) -> None:
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(queries(dashboard))]

    assert len(rules) > 10
    assert problems("rules", json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})) == []


@pytest.mark.parametrize("dashboard", DASHBOARDS.values())
def test_no_two_panels_of_a_dashboard_overlap(dashboard: str) -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels(dashboard))
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} <= set(range(24))


def test_grafana_gets_every_dashboard_and_tells_them_apart() -> None:
    manifests = charts.render(charts.OPERATOR, {"metrics": {"dashboard": {"enabled": True}}})
    (delivered,) = (one["data"] for one in manifests if one["kind"] == "ConfigMap")

    assert delivered == {key: (FILES / file).read_text() for key, file in DASHBOARDS.items()}
    assert len({json.loads(text)["uid"] for text in delivered.values()}) == len(DASHBOARDS)


def test_every_metric_that_is_asked_for_is_one_that_operator_or_gateway_has(operator: Operator) -> None:
    exposed = (operator.get("metrics", "/metrics") or "") + generate_latest(Metrics().registry).decode()
    known = set(re.findall(r"^# TYPE (\S+) ", exposed, re.MULTILINE))
    expressions = [*queries("dashboard.json"), *(rule["expr"] for rule in rules("alerts.yaml").values())]
    asked = {name for text in expressions for name in METRIC.findall(text)}

    assert {re.sub("_(bucket|sum|count)$", "", name) for name in asked} - known == set()
