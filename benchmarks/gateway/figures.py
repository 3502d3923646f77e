"""What samples come to. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Figures = dict[str, float]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share (0 to 1) of the values does not exceed: the nearest rank, one that was measured."""
    ordered = sorted(values)
    rank = min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))
    return ordered[rank]


def load_figures(seconds: Sequence[float], elapsed: float, failures: int, cpu_seconds: float) -> Figures:
    """A measurement of a load: `seconds` of each answer in time, `cpu_seconds` of what was measured.

    Raises ValueError where nothing was answered.
    """
    if not seconds:
        raise ValueError(f"nothing was answered, {failures} failed")
    return {
        "requests_per_second": round(len(seconds) / elapsed, 1),
        "p50_ms": round(1000 * percentile(seconds, 0.50), 3),
        "p99_ms": round(1000 * percentile(seconds, 0.99), 3),
        "cpu_ms_per_request": round(1000 * cpu_seconds / len(seconds), 3),
        "failures": failures,
    }


def middle(rounds: Sequence[Mapping[str, float]]) -> Figures:
    """Each figure's median over rounds; failures are added up."""
    found = {key: round(statistics.median(each[key] for each in rounds), 3) for key in rounds[0]}
    if "failures" in found:
        found["failures"] = sum(each["failures"] for each in rounds)
    return found


def ratio(measured: Mapping[str, Any], baseline: Mapping[str, Any], key: str) -> float | None:
    """A figure over the baseline's; None where either is missing."""
    if key not in measured or not baseline.get(key):
        return None
    return float(measured[key]) / float(baseline[key])


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """The regression line's growth a second; 0 for less than two samples."""
    if len(samples) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*samples, strict=True)).slope
