"""The PrometheusRule with a gateway's alerts: few, each of them something that a person should act on.

Every expression selects this gateway's series alone, by the labels that the ServiceMonitor gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import child_name, metadata

GROUP = "tenantry-gateway"
PROBES = "/health|/ready|/metrics"
"""Routes that no user calls."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule; ``held`` is how long the expression must hold."""

    name: str
    expr: str
    held: str
    severity: str
    summary: str
    description: str

    def rule(self, gateway: Gateway) -> dict[str, Any]:
        """As Prometheus takes it. Its labels say whose it is, for Alertmanager to route: ``absent`` gives it none."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.held,
            "labels": {"severity": self.severity, "namespace": gateway.meta.namespace, "gateway": gateway.meta.name},
            "annotations": {"summary": self.summary, "description": self.description},
        }


def build_prometheus_rule(gateway: Gateway) -> Manifest | None:
    """One group of alerts."""
    wanted = gateway.spec.monitoring.prometheus_rule
    if wanted is None:
        return None
    meta = metadata(gateway)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {**meta, "labels": {**wanted.labels, **meta["labels"]}},
        "spec": {"groups": [{"name": GROUP, "rules": [alert.rule(gateway) for alert in alerts(gateway)]}]},
    }


def alerts(gateway: Gateway) -> Iterator[Alert]:
    """What may be wrong with a gateway, as its own metrics tell."""
    namespace, name = gateway.key
    here = f'namespace="{namespace}",service="{child_name(name)}"'
    who = f"Gateway {namespace}/{name}"
    if gateway.replicas:
        yield Alert(
            "TenantryGatewayDown",
            f"absent(up{{{here}}} == 1)",
            "5m",
            "critical",
            f"{who} is down.",
            f"No pod of {who} has answered Prometheus for 5 minutes. See: kubectl -n {namespace} describe tgw {name}",
        )
    yield Alert(
        "TenantryGatewayRestarting",
        f"changes(tenantry_gateway_process_start_time_seconds{{{here}}}[30m]) > 2",
        "0m",
        "warning",
        f"A pod of {who} keeps restarting.",
        f"Pod {{{{ $labels.pod }}}} has restarted {{{{ $value }}}} times within 30 minutes. "
        f"See: kubectl -n {namespace} logs --previous {{{{ $labels.pod }}}}",
    )
    yield from _errors(here, who, namespace, name)
    yield Alert(
        "TenantryGatewayConfigRefused",
        f"min by (namespace, service) (tenantry_gateway_config_valid{{{here}}}) == 0",
        "10m",
        "warning",
        f"{who} does not take its configuration.",
        "The configuration on disk has been refused for 10 minutes, and an earlier one is in force. "
        f"See: kubectl -n {namespace} describe tgw {name}, and the gateway's log",
    )
    waiting = f"tenantry_gateway_queue_wait_seconds_bucket{{{here}}}"
    yield Alert(
        "TenantryGatewayQueueing",
        f"histogram_quantile(0.95, sum by (namespace, service, le) (rate({waiting}[10m]))) > 30",
        "10m",
        "warning",
        f"Messages wait long at {who}.",
        "One message in twenty waits for {{ $value | humanizeDuration }} or longer until its conversation's earlier "
        "messages are answered.",
    )


def _errors(here: str, who: str, namespace: str, name: str) -> Iterator[Alert]:
    requests, calls = "tenantry_gateway_requests_total", "gen_ai_client_operation_duration_seconds_count"
    users = f'{here},route!~"{PROBES}"'
    yield Alert(
        "TenantryGatewayErrors",
        f"{_rate(requests, users + ',code=~' + _quoted('5..'))} / {_rate(requests, users)} > 0.05",
        "10m",
        "warning",
        f"{who} answers with errors.",
        "{{ $value | humanizePercentage }} of the requests are answered with a server error. "
        f"See: kubectl -n {namespace} logs deployment/{child_name(name)}",
    )
    yield Alert(
        "TenantryGatewayModelErrors",
        f"{_rate(calls, here + ',error_type!=' + _quoted(''))} / {_rate(calls, here)} > 0.1",
        "10m",
        "warning",
        f"Calls of the model fail at {who}.",
        "{{ $value | humanizePercentage }} of the calls of the Anthropic API fail: see its status page, the key's "
        f"limits, and kubectl -n {namespace} logs deployment/{child_name(name)}",
    )


def _rate(metric: str, labels: str) -> str:
    return f"sum by (namespace, service) (rate({metric}{{{labels}}}[10m]))"


def _quoted(value: str) -> str:
    """A value as PromQL writes it; ``value`` has no quotes and no backslashes."""
    return f'"{value}"'
