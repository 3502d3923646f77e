"""The results as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Run = Mapping[str, Any]


def draw(run: Run, file: Path) -> None:
    """Four pictures in one SVG: throughput, time of one request, streams, memory. The same results, the same file."""
    mpl.rcParams["svg.hashsalt"] = "tenantry"
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2)
    systems = _measured(run)
    _bars(axes[0][0], "Requests a second, 10 connections", _figures(systems, "10", "requests_per_second"))
    _bars(axes[0][1], "Median of a request on 1 connection, milliseconds", _figures(systems, "1", "p50_ms"))
    streams = run.get("streams", {})
    title = f"{streams.get('streams', 0)} streams: how much later they end, median, milliseconds"
    _bars(axes[1][0], title, {name: each["added_p50_ms"] for name, each in streams.get("systems", {}).items()})
    _memory(axes[1][1], run)
    figure.savefig(file, metadata={"Date": None})


def _measured(run: Run) -> dict[str, Mapping[str, Run]]:
    """Both phases' systems; gateway and floor are in both under one name."""
    found = {}
    for phase in ("relay", "chat"):
        for name, figures in run.get(phase, {}).get("systems", {}).items():
            if name == "stand-in alone":
                continue  # So fast that nothing else could be told apart.
            label = name
            for system in ("gateway", "floor"):
                label = label.replace(system, f"{system}'s {phase}")
            found[label] = figures
    return found


def _figures(systems: Mapping[str, Mapping[str, Run]], connections: str, key: str) -> dict[str, float]:
    return {name: figures[connections][key] for name, figures in systems.items() if connections in figures}


def _bars(axes: Axes, title: str, values: Mapping[str, float]) -> None:
    axes.set_title(title, fontsize="medium")
    names = list(values)
    bars = axes.barh(names, [values[name] for name in names], color=[_color(name) for name in names])
    axes.bar_label(bars, fmt="%.4g", padding=3)
    axes.margins(x=0.15)
    axes.invert_yaxis()


def _color(name: str) -> str:
    return "tab:blue" if name.startswith("gateway") else "tab:gray"


def _memory(axes: Axes, run: Run) -> None:
    samples: Sequence[tuple[float, int]] = run.get("soak", {}).get("memory_samples", [])
    if not samples:
        idle = {name: each["idle_mib"] for name, each in run.get("start", {}).get("systems", {}).items()}
        _bars(axes, "Resident memory while idle, MiB", idle)
        return
    axes.set_title(f"Resident memory in {run['soak']['requests']:,} requests, MiB", fontsize="medium")
    axes.plot([at / 60 for at, _ in samples], [size / 1024 / 1024 for _, size in samples], color="tab:blue")
    axes.set_xlabel("minutes")
    axes.set_ylim(bottom=0)
