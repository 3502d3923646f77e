from __future__ import annotations

import pytest

from benchmarks.gateway.figures import load_figures, middle, percentile, ratio, slope


@pytest.mark.parametrize(("share", "expected"), [(0, 1), (0.5, 50), (0.99, 99), (1, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_the_only_value_is_every_percentile() -> None:
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0


def test_a_loads_figures_are_of_what_was_answered() -> None:
    figures = load_figures([0.001, 0.002, 0.003], elapsed=2.0, failures=4, cpu_seconds=0.006)
    assert figures == {
        "requests_per_second": 1.5,
        "p50_ms": 2.0,
        "p99_ms": 3.0,
        "cpu_ms_per_request": 2.0,
        "failures": 4,
    }


def test_a_load_without_any_answer_has_no_figures() -> None:
    with pytest.raises(ValueError, match="9 failed"):
        load_figures([], elapsed=1.0, failures=9, cpu_seconds=0.0)


def test_of_rounds_the_median_counts_and_every_failure() -> None:
    rounds = [{"p50_ms": 9.0, "failures": 1}, {"p50_ms": 1.0, "failures": 0}, {"p50_ms": 2.0, "failures": 2}]
    assert middle(rounds) == {"p50_ms": 2.0, "failures": 3}


def test_there_is_no_ratio_to_what_was_not_measured() -> None:
    assert ratio({"p50_ms": 3.0}, {"p50_ms": 2.0}, "p50_ms") == 1.5
    assert ratio({"p50_ms": 3.0}, {}, "p50_ms") is None
    assert ratio({"p50_ms": 3.0}, {"p50_ms": 0.0}, "p50_ms") is None


def test_growth_is_that_of_the_line_through_the_samples() -> None:
    assert slope([(0.0, 10.0), (10.0, 30.0), (20.0, 50.0)]) == pytest.approx(2.0)
    assert slope([(0.0, 10.0)]) == 0.0
