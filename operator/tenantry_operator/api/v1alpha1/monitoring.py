"""``spec.monitoring`` of a Gateway: who scrapes its metrics, and the alerts that come with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from tenantry_operator.api.v1alpha1.common import ApiModel
from tenantry_operator.api.v1alpha1.labels import VALID_KEYS, no_keys
from tenantry_operator.api.v1alpha1.rules import Rule
from tenantry_operator.api.v1alpha1.selectors import LabelValue
from tenantry_operator.api.v1alpha1.workload import OWN_KEYS

MonitorLabels = Annotated[
    Mapping[str, LabelValue],
    Field(max_length=16),
    VALID_KEYS,
    no_keys(
        OWN_KEYS, "labels of tenantry.dev/ and app.kubernetes.io/ and below are set for you: use a prefix of your own"
    ),
]


class ServiceMonitorSpec(ApiModel):
    """A ServiceMonitor, upon which Prometheus Operator has the gateway's /metrics scraped."""

    interval: (
        Annotated[
            str,
            Field(min_length=2, max_length=16, pattern="^([1-9][0-9]{0,3}h)?([1-9][0-9]{0,3}m)?([1-9][0-9]{0,3}s)?$"),
        ]
        | None
    ) = None
    """Time between two scrapes, such as 30s or 1m. Prometheus' own, where left out."""
    labels: MonitorLabels = Field(default_factory=dict)
    """Labels of the ServiceMonitor: those by which your Prometheus selects, such as release: kube-prometheus-stack."""


class PrometheusRuleSpec(ApiModel):
    """A PrometheusRule with alerts for this gateway alone."""

    labels: MonitorLabels = Field(default_factory=dict)
    """Labels of the PrometheusRule: those by which your Prometheus selects, such as release: kube-prometheus-stack."""


class MonitoringSpec(ApiModel):
    """Objects of Prometheus Operator. They are made where its APIs exist, also when those arrive later."""

    rules = (
        Rule(
            "!has(self.prometheusRule) || has(self.serviceMonitor)",
            "prometheusRule needs serviceMonitor, whose series its alerts are about: set monitoring.serviceMonitor as "
            "well; {} is enough",
            lambda self: self.prometheus_rule is None or self.service_monitor is not None,
            ".prometheusRule",
        ),
    )

    service_monitor: ServiceMonitorSpec | None = None
    """Have the gateway scraped; an empty object is enough."""
    prometheus_rule: PrometheusRuleSpec | None = None
    """Alerts on what the ServiceMonitor has scraped; an empty object is enough."""
