"""The results as a table: what was aimed at beside what was measured. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MIB = 1024 * 1024
KIB = 1024
Run = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One figure; ``limit`` is what was aimed at, for a number of tenants, None where it is only told."""

    title: str
    value: Callable[[Run], float | None]
    limit: Callable[[int], float] | None = None
    unit: str = ""

    def cells(self, runs: Iterable[Run]) -> list[str]:
        """One cell a run: the figure, with an exclamation mark where it misses the aim."""
        return [self._cell(run) for run in runs]

    def aim(self, sizes: Iterable[int]) -> str:
        """What was aimed at, for each number of tenants where it depends on it."""
        if self.limit is None:
            return ""
        limits = list(dict.fromkeys(f"{self.limit(size):g}" for size in sizes))
        return f"≤ {' / '.join(limits)}{self.unit}"

    def _cell(self, run: Run) -> str:
        try:
            value = self.value(run)
        except KeyError:
            value = None
        if value is None:
            return "-"
        missed = self.limit is not None and value > self.limit(run["tenants"])
        return f"{value:.4g}{self.unit}{' !' if missed else ''}"


def ratio(run: Run) -> float:
    """Time to all objects over the bare writer's."""
    return float(run["start"]["seconds_to_all_objects"]) / float(run["bare_writer"]["seconds"])


def most_writes(*resources: str) -> Callable[[Run], float]:
    """The largest number of writes that any one object got; of every other resource than those named after a minus."""
    without = {name[1:] for name in resources if name.startswith("-")}
    named = {name for name in resources if not name.startswith("-")}

    def value(run: Run) -> float:
        chosen = {
            resource: times
            for resource, times in run["start"]["writes_per_object"].items()
            if (resource in named if named else resource not in without)
        }
        return max((int(times) for each in chosen.values() for times in each), default=0)

    return value


def _path(*keys: str) -> Callable[[Run], float]:
    def value(run: Run) -> float:
        found: Any = run
        for key in keys:
            found = found[key]
        return float(found)

    return value


def _cpu_share(run: Run) -> float:
    used = run["start"]["cpu_seconds_to_all_ready"]
    return float(used["operator"]) / float(used["kube-apiserver"])


def _other_requests(run: Run) -> float:
    return float(sum(run["idle"]["requests_besides_watches_lists_and_lease"].values()))


def _lists(run: Run) -> float:
    """Most lists of one kind while idle, for each half hour begun."""
    most = max(run["idle"]["lists"].values(), default=0)
    return float(most / max(1, math.ceil(run["idle"]["seconds"] / 1800)))


NOT_OBJECTS = ("-gateways/status", "-agentbindings/status", "-pods", "-events")
STATUS = "gateways/status"
LATENCY = "milliseconds_after_the_answer"

LINES = (
    Line("bare writer: time to all objects", _path("bare_writer", "seconds"), unit=" s"),
    Line("operator: time to all objects, its start included", _path("start", "seconds_to_all_objects"), unit=" s"),
    Line("… over the bare writer's", ratio, lambda _: 1.5),
    Line("time until all are Ready and served", _path("start", "seconds_to_all_ready"), unit=" s"),
    Line("most writes of an object until Ready", most_writes(*NOT_OBJECTS), lambda _: 1),
    Line("most status writes of a Gateway", most_writes(STATUS), lambda _: 2),
    Line("most status writes of an AgentBinding", most_writes("agentbindings/status"), lambda _: 1),
    Line("most touches of a pod", most_writes("pods"), lambda _: 1),
    Line("CPU until Ready: operator", _path("start", "cpu_seconds_to_all_ready", "operator"), unit=" s"),
    Line("CPU until Ready: API server", _path("start", "cpu_seconds_to_all_ready", "kube-apiserver"), unit=" s"),
    Line("operator's CPU over the API server's", _cpu_share),
    Line(
        "restart: time to steady", _path("restart", "seconds_to_steady"), lambda size: max(2.0, 2 * size / 1000), " s"
    ),
    Line(
        "restart: writes besides Lease and its Event",
        lambda run: float(sum(times for what, times in run["restart"]["writes"].items() if what != "create events")),
        lambda _: 0,
    ),
    Line("idle: other requests than watch, list, Lease", _other_requests, lambda _: 0),
    Line("idle: lists of a kind in half an hour", _lists, lambda _: 1),
    Line("changed Gateway → ConfigMap, p50", _path("changes", "alone", LATENCY, "p50"), lambda _: 50, " ms"),
    Line("… p99", _path("changes", "alone", LATENCY, "p99"), unit=" ms"),
    Line("… in a storm, p50", _path("changes", "storm", LATENCY, "p50"), unit=" ms"),
    Line("… in a storm, p99", _path("changes", "storm", LATENCY, "p99"), lambda _: 1000, " ms"),
    Line("leader killed → the standby acts", _path("failover", "seconds_after_kill", "max"), lambda _: 16, " s"),
    Line("Lease released → the standby acts", _path("failover", "seconds_after_release", "max"), lambda _: 3, " s"),
    Line(
        "memory with all tenants Ready",
        lambda run: run["start"]["memory_bytes"] / MIB,
        lambda size: round(100 + 25 * size / KIB, 1),
        " MiB",
    ),
    Line("memory's growth in churn, second half", _path("churn", "kib_per_minute_in_the_second_half"), unit=" KiB/min"),
)


def table(runs: Iterable[Run]) -> str:
    """A Markdown table, one column a number of tenants."""
    ordered = sorted(runs, key=lambda run: int(run["tenants"]))
    sizes = [int(run["tenants"]) for run in ordered]
    rows = [["", *(f"{size:,} tenants" for size in sizes), "aim"], ["---"] * (len(sizes) + 2)]
    rows += [[line.title, *line.cells(ordered), line.aim(sizes)] for line in LINES]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
