from datetime import datetime, timedelta, timezone

from tenantry_operator.reconcile.report import canonical, rfc3339, rfc3339_micro


def test_the_order_of_conditions_means_nothing() -> None:
    one, two = {"type": "A", "status": "True"}, {"type": "B", "status": "False"}

    assert canonical({"conditions": [one, two]}) == canonical({"conditions": [two, one]})
    assert canonical({"conditions": [one]}) != canonical({"conditions": [one, two]})
    assert canonical({}) == canonical({"conditions": []})


def test_times_are_written_as_kubernetes_does() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=2)))

    assert rfc3339(moment) == "2026-01-02T01:04:05Z"
    assert rfc3339_micro(moment) == "2026-01-02T01:04:05.000678Z"
