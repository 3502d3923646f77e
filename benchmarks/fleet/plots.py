"""The results as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MIB = 1024 * 1024
Run = Mapping[str, Any]


def draw(runs: Sequence[Run], file: Path) -> None:
    """Four pictures in one SVG: convergence, CPU, latency, memory. The same results give the same file."""
    mpl.rcParams["svg.hashsalt"] = "tenantry"
    ordered = sorted(runs, key=lambda run: int(run["tenants"]))
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    axes = figure.subplots(2, 2)
    _convergence(axes[0][0], ordered)
    _cpu(axes[0][1], ordered)
    _latency(axes[1][0], ordered)
    _memory(axes[1][1], ordered)
    figure.savefig(file, metadata={"Date": None})


def _bars(axes: Axes, runs: Sequence[Run], series: Mapping[str, Sequence[float]]) -> None:
    width = 0.8 / max(1, len(series))
    for number, (label, values) in enumerate(series.items()):
        axes.bar([place + number * width for place in range(len(runs))], values, width, label=label)
    axes.set_xticks(
        [place + 0.4 - width / 2 for place in range(len(runs))], [f"{run['tenants']:,} tenants" for run in runs]
    )
    axes.legend()


def _convergence(axes: Axes, runs: Sequence[Run]) -> None:
    axes.set_title("Time to all objects, milliseconds a tenant")
    runs = [run for run in runs if "bare_writer" in run]
    series = {
        "bare writer": [1000 * run["bare_writer"]["seconds"] / run["tenants"] for run in runs],
        "operator": [1000 * run["start"]["seconds_to_all_objects"] / run["tenants"] for run in runs],
    }
    _bars(axes, runs, series)


def _cpu(axes: Axes, runs: Sequence[Run]) -> None:
    axes.set_title("CPU a tenant until all are Ready, milliseconds")
    names = ("operator", "kube-apiserver", "etcd", "kube-controller-manager")
    used = [run["start"]["cpu_seconds_to_all_ready"] for run in runs]
    per_tenant = {
        name: [1000 * each[name] / run["tenants"] for each, run in zip(used, runs, strict=True)] for name in names
    }
    _bars(axes, runs, per_tenant)


def _latency(axes: Axes, runs: Sequence[Run]) -> None:
    axes.set_title("A changed Gateway's new ConfigMap, milliseconds")
    measured = [run for run in runs if "changes" in run]
    found = {
        f"{kind}, {part}": [run["changes"][kind]["milliseconds_after_the_answer"][part] for run in measured]
        for kind in ("alone", "storm")
        for part in ("p50", "p99")
    }
    _bars(axes, measured, found)


def _memory(axes: Axes, runs: Sequence[Run]) -> None:
    axes.set_title("Resident memory while tenants come and go, MiB")
    for run in runs:
        if "churn" in run:
            samples = run["churn"]["memory_samples"]
            axes.plot([x / 60 for x, _ in samples], [y / MIB for _, y in samples], label=f"{run['tenants']:,} tenants")
    axes.set_xlabel("minutes")
    axes.margins(y=0.2)
    axes.set_ylim(bottom=0)
    if any("churn" in run for run in runs):
        axes.legend(loc="lower right")
