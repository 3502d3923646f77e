"""The chart's alerts and dashboard: each alert fires when it should, and alone then; each query has its metrics."""

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
from tests.integration.operator_harness import ROOT, Operator

ALERTS = charts.OPERATOR / "files/alerts.yaml"
WORLDS = Path(__file__).with_name("chart_alerts.yaml")
METRIC = re.compile(r"\b((?:tenantry_|gen_ai_(?:client|server)_)[a-z_]+)\b")


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def worlds_of(alert: str) -> list[dict[str, Any]]:
    """What is expected of an alert in each of its worlds."""
    return [
        case["alert_rule_test"][0]
        for case in yaml.safe_load(WORLDS.read_text())["tests"]
        if case["alert_rule_test"][0]["alertname"] == alert
    ]


@pytest.mark.parametrize("alert", rules())
def test_each_alert_is_tried_in_a_world_where_it_fires_and_in_one_where_it_must_not(alert: str) -> None:
    expected = [bool(case["exp_alerts"]) for case in worlds_of(alert)]

    assert set(expected) == {True, False}


def test_promtool_agrees_with_every_expectation(tmp_path: Path) -> None:
    """promtool compares annotations too, and Debian's does so always: they are not what is tested, so they go."""
    plain = yaml.safe_load(ALERTS.read_text())
    for group in plain["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(plain))
    (tmp_path / "worlds.yaml").write_text(WORLDS.read_text())

    assert promtool.test_rules(tmp_path / "worlds.yaml") == ""


def test_promtool_would_find_a_broken_expectation(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(ALERTS.read_text())
    worlds = yaml.safe_load(WORLDS.read_text())
    worlds["tests"][0]["alert_rule_test"][0]["exp_alerts"] = []
    (tmp_path / "worlds.yaml").write_text(yaml.safe_dump(worlds))

    assert "TenantryOperatorDown" in promtool.test_rules(tmp_path / "worlds.yaml")


def test_the_rules_are_well_formed_and_their_runbooks_can_be_found() -> None:
    assert problems("rules", ALERTS.read_text()) == []
    values = {"metrics": {"prometheusRule": {"enabled": True, "runbooks": "https://example.com/docs/"}}}
    (rule,) = (one for one in charts.render(charts.OPERATOR, values, "agents") if one["kind"] == "PrometheusRule")
    (down,) = (one for one in rule["spec"]["groups"][0]["rules"] if one["alert"] == "TenantryOperatorDown")
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)

    assert headings == list(rules())
    assert down["expr"] == 'absent(tenantry_operator_build_info{namespace="agents"})'
    for group in rule["spec"]["groups"]:
        for one in group["rules"]:
            anchor = one["annotations"]["runbook_url"]
            assert anchor == f"https://example.com/docs/runbooks.md#{one['alert'].lower()}"


def queries() -> list[str]:
    """Every expression of the dashboard, with Grafana's variables filled in."""
    panels = json.loads((charts.OPERATOR / "files/dashboard.json").read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [text.replace("$__rate_interval", "5m").replace("$namespace", ".*") for text in expressions]


def test_every_query_of_the_dashboard_can_be_read() -> None:
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(queries())]

    assert len(rules) > 10
    assert problems("rules", json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})) == []


def test_no_two_panels_of_the_dashboard_overlap() -> None:
    panels = json.loads((charts.OPERATOR / "files/dashboard.json").read_text())["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} <= set(range(24))


def test_every_metric_that_is_asked_for_is_one_that_operator_or_gateway_has(operator: Operator) -> None:
    exposed = (operator.get("metrics", "/metrics") or "") + generate_latest(Metrics().registry).decode()
    known = set(re.findall(r"^# TYPE (\S+) ", exposed, re.MULTILINE))
    expressions = [*queries(), *(rule["expr"] for rule in rules().values())]
    asked = {name for text in expressions for name in METRIC.findall(text)}

    assert {re.sub("_(bucket|sum|count)$", "", name) for name in asked} - known == set()
