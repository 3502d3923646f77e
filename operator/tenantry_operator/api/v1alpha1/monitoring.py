"""``spec.monitoring`` of a Gateway: who scrapes its metrics, and the alerts that come with them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from tenantry_operator.api.v1alpha1.common import ApiModel, validation
from tenantry_operator.api.v1alpha1.object_metadata import Labels

_RULE_NEEDS_MONITOR = (
    "prometheusRule needs serviceMonitor, whose series its alerts are about: set monitoring.serviceMonitor: {} as well"
)


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
    labels: Labels = Field(default_factory=dict)
    """Labels of the ServiceMonitor: those by which your Prometheus selects, such as release: kube-prometheus-stack."""


class PrometheusRuleSpec(ApiModel):
    """A PrometheusRule with alerts for this gateway alone."""

    labels: Labels = Field(default_factory=dict)
    """Labels of the PrometheusRule: those by which your Prometheus selects, such as release: kube-prometheus-stack."""


class MonitoringSpec(ApiModel):
    """Objects of Prometheus Operator. They are made where its APIs exist, also when those arrive later."""

    model_config = ConfigDict(
        json_schema_extra=validation("!has(self.prometheusRule) || has(self.serviceMonitor)", _RULE_NEEDS_MONITOR)
    )

    service_monitor: ServiceMonitorSpec | None = None
    """Have the gateway scraped; an empty object is enough."""
    prometheus_rule: PrometheusRuleSpec | None = None
    """Alerts on what the ServiceMonitor has scraped; an empty object is enough."""

    @model_validator(mode="after")
    def _rule_needs_monitor(self) -> Self:
        if self.prometheus_rule is not None and self.service_monitor is None:
            raise ValueError(_RULE_NEEDS_MONITOR)
        return self
