import re

from tenantry_operator.resources.prometheus_rule import alerts, build_prometheus_rule
from tenantry_operator.resources.service import build_service
from tenantry_operator.resources.service_monitor import build_service_monitor
from tests.unit.tenantry_operator.objects import gateway

MONITORED = {"monitoring": {"serviceMonitor": {}, "prometheusRule": {"labels": {"release": "prometheus"}}}}


def test_a_service_monitor_selects_the_service_and_scrapes_its_port() -> None:
    subject = gateway(MONITORED)
    monitor, service = build_service_monitor(subject), build_service(subject)

    assert monitor is not None
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint == {"port": service["spec"]["ports"][0]["name"], "path": "/metrics"}


def test_series_tell_the_gateway_by_a_label_that_the_service_has() -> None:
    monitor, service = build_service_monitor(gateway(MONITORED)), build_service(gateway(MONITORED))

    assert monitor is not None
    assert monitor["spec"]["targetLabels"] == ["tenantry.dev/gateway"]
    assert service["metadata"]["labels"]["tenantry.dev/gateway"] == "assistants"


def test_an_interval_and_labels_are_there_where_they_are_given() -> None:
    spec = {"interval": "30s", "labels": {"release": "prometheus"}}
    monitor = build_service_monitor(gateway({"monitoring": {"serviceMonitor": spec}}))

    assert monitor is not None
    assert monitor["spec"]["endpoints"][0]["interval"] == "30s"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["metadata"]["labels"]["tenantry.dev/gateway"] == "assistants"


def test_every_alert_is_about_this_gateway_alone_and_says_what_to_do() -> None:
    for alert in alerts(gateway(MONITORED)):
        selectors = re.findall(r"\{([^}]*)\}", alert.expr)
        assert selectors
        assert all(one.startswith('namespace="team-a",service="assistants-gateway"') for one in selectors), alert.expr
        assert alert.severity in {"critical", "warning"}
        assert "team-a/assistants" in alert.summary
        assert alert.description.endswith(("assistants", "log", "assistants-gateway", "answered.", "$labels.pod }}"))


def test_a_suspended_gateway_is_not_called_down() -> None:
    names = [{alert.name for alert in alerts(gateway({**MONITORED, "suspended": off}))} for off in (False, True)]

    assert names[0] - names[1] == {"TenantryGatewayDown"}


def test_a_rule_has_the_labels_by_which_a_prometheus_selects_it() -> None:
    rule = build_prometheus_rule(gateway(MONITORED))

    assert rule is not None
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    (group,) = rule["spec"]["groups"]
    assert all(
        {"namespace": "team-a", "gateway": "assistants"}.items() <= each["labels"].items() for each in group["rules"]
    )


def test_there_is_none_without_being_asked_for() -> None:
    assert build_service_monitor(gateway()) is None
    assert build_prometheus_rule(gateway()) is None
