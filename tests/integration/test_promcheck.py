"""The checks that other tests rely on do find faults."""

import json

from dev.promcheck import problems


def test_metrics_that_break_the_conventions_are_named() -> None:
    text = "# TYPE a_total gauge\na_total 1\n"
    assert problems("metrics", "# HELP a_seconds Time.\n# TYPE a_seconds gauge\na_seconds 1\n") == []
    assert [line.split(":")[0] for line in problems("metrics", text)] == ["a_total", "a_total"]
    assert len(problems("metrics", "no metrics {")) == 1


def test_rules_that_prometheus_would_refuse_are_named() -> None:
    def rules(expr: str) -> str:
        return json.dumps({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr}]}]})

    assert problems("rules", rules('sum(up{job="a"}) == 0')) == []
    assert "parse error" in problems("rules", rules("sum(up{"))[0]
    assert problems("rules", json.dumps({"groups": [{"name": "g", "nonsense": 1}]})) != []
