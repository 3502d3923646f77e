from tenantry_operator.conditions.condition import MAX_MESSAGE, Finding, conditions, first_finding, listed

NOW = "2026-05-01T12:00:00Z"
BEFORE = "2026-01-01T00:00:00Z"


def written(status: str, reason: str = "Old") -> dict[str, object]:
    return {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": BEFORE, "message": "old"}


def test_the_transition_time_stays_while_the_status_does_though_the_reason_changes() -> None:
    (ready,) = conditions({"Ready": Finding("False", "New", "new")}, [written("False")], 4, NOW)

    assert ready == {
        "type": "Ready",
        "status": "False",
        "observedGeneration": 4,
        "lastTransitionTime": BEFORE,
        "reason": "New",
        "message": "new",
    }


def test_the_transition_time_moves_when_the_status_flips() -> None:
    (ready,) = conditions({"Ready": Finding("True", "New", "new")}, [written("False")], 4, NOW)

    assert ready["lastTransitionTime"] == NOW


def test_a_condition_without_a_finding_is_absent_and_the_order_is_the_findings() -> None:
    findings = {"Ready": Finding("True", "A", "a"), "Stalled": None, "ConfigValid": Finding("True", "B", "b")}

    assert [one["type"] for one in conditions(findings, (), 1, NOW)] == ["Ready", "ConfigValid"]


def test_the_first_finding_wins_and_none_leaves_the_default() -> None:
    default = Finding("True", "Fine", "")
    checks = (lambda _: None, lambda seen: Finding("False", f"First{seen}", ""), lambda _: Finding("False", "X", ""))

    assert first_finding(checks, 7, default).reason == "First7"
    assert first_finding(checks[:1], 7, default) is default


def test_an_endless_message_is_cut() -> None:
    (ready,) = conditions({"Ready": Finding("False", "A", "x" * 100_000)}, (), 1, NOW)

    assert len(ready["message"]) == MAX_MESSAGE


def test_a_long_list_says_how_many_more_there_are() -> None:
    assert listed("abc") == "a, b, c"
    assert listed("abcdef", limit=4) == "a, b, c, d and 2 more"
