from typing import Any

from tenantry_operator.metrics import Metrics
from tenantry_operator.reconcile.tally import Tally


def status(**conditions: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": value} for kind, value in conditions.items()]}


def test_gateways_are_counted_by_condition_and_leave_no_trace() -> None:
    metrics = Metrics()
    tally = Tally(metrics.gateways)

    def counted(condition: str, value: str) -> float | None:
        labels = {"condition": condition, "status": value}
        return metrics.registry.get_sample_value("tenantry_gateways", labels)

    tally.count(("ns", "a"), status(Ready="False", Stalled="True"))
    tally.count(("ns", "b"), status(Ready="False"))
    assert counted("Ready", "False") == 2.0
    tally.count(("ns", "a"), status(Ready="True"))
    assert (counted("Ready", "True"), counted("Ready", "False"), counted("Stalled", "True")) == (1.0, 1.0, 0.0)
    tally.forget(("ns", "a"))
    tally.forget(("ns", "b"))
    assert (counted("Ready", "True"), counted("Ready", "False")) == (0.0, 0.0)
