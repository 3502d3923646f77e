"""MonitoringReady: whether Prometheus Operator has been told of the gateway."""

from __future__ import annotations

from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding, listed
from tenantry_operator.conditions.extras import trouble
from tenantry_operator.conditions.observation import Observation

KINDS = ("ServiceMonitor", "PrometheusRule")
INSTALL = (
    "kubectl apply --server-side -f "
    "https://github.com/prometheus-operator/prometheus-operator/releases/latest/download/bundle.yaml"
)


def monitoring_ready(seen: Observation) -> Finding | None:
    """True if every object that the Gateway wants is there; whether a Prometheus selects it is not seen from here."""
    wanted = _wanted(seen)
    problem = next(filter(None, (trouble(seen, kind, wanted=kind in wanted) for kind in KINDS)), None)
    if problem is not None or not wanted:
        return problem
    missing = [kind for kind in wanted if kind in seen.missing_apis]
    if missing:
        message = (
            f"The cluster has no {' and no '.join(missing)} (monitoring.coreos.com/v1). Nothing else depends on "
            f"it, and it is made as soon as the API is there. Fix: ask the cluster's administrators for Prometheus "
            f"Operator ({INSTALL}), or remove spec.monitoring."
        )
        return Finding("False", reasons.MONITORING_API_MISSING, message)
    absent = [kind for kind in wanted if kind not in seen.extras]
    if absent:
        return Finding("Unknown", reasons.MONITORING_PENDING, f"{listed(absent)} has not been created yet.")
    message = f"{' and '.join(wanted)} are there." if len(wanted) > 1 else f"{wanted[0]} is there."
    return Finding("True", reasons.MONITORING_READY, message)


def _wanted(seen: Observation) -> list[str]:
    spec = seen.gateway.spec.monitoring
    return [
        kind for kind, want in zip(KINDS, (spec.service_monitor, spec.prometheus_rule), strict=True) if want is not None
    ]
