"""The results as tables: each figure beside what it is measured by. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.gateway.figures import ratio

Run = Mapping[str, Any]
Row = Sequence[str]

LOAD_HEAD = ("", "connections", "requests/s", "p50", "p99", "CPU a request", "failed")
BASELINES = {"relay": ("floor", "litellm"), "chat": ("SDK, stream", "floor", "litellm")}
"""What the ratios of a phase are to."""


def tables(run: Run) -> str:
    """Markdown: a table for each phase that was measured."""
    found = [_table(title, rows) for title, rows in _all(run) if len(rows) > 1]
    return "\n\n".join(found)


def _all(run: Run) -> Iterator[tuple[str, Sequence[Row]]]:
    yield "Relay: POST /v1/messages, passed on", load_rows(run.get("relay", {}), BASELINES["relay"])
    yield "Chat: POST /v1/chat, a turn of an agent", load_rows(run.get("chat", {}), BASELINES["chat"])
    yield "Streams: POST /v1/messages", _stream_rows(run.get("streams", {}))
    yield "Start and memory", _start_rows(run.get("start", {}))
    yield "WebSockets", _socket_rows(run.get("websockets", {}))
    yield "Soak", _soak_rows(run.get("soak", {}))


def load_rows(phase: Run, baselines: Sequence[str]) -> list[Row]:
    """One row a system and number of connections."""
    systems: Mapping[str, Any] = phase.get("systems", {})
    shown = [name for name in baselines if baseline_of(systems, name, "") is not None]
    rows: list[Row] = [(*LOAD_HEAD, *(f"÷ {name}: requests/s, p50, CPU" for name in shown))]
    for name, by_connections in systems.items():
        for connections, figures in by_connections.items():
            ratios = [
                _ratios(figures, (baseline_of(systems, baseline, name) or {}).get(connections, {}))
                for baseline in shown
            ]
            rows.append((name, connections, *_load_cells(figures), *ratios))
    return rows


def baseline_of(systems: Mapping[str, Any], baseline: str, name: str) -> Mapping[str, Any] | None:
    """A baseline's figures: of the one that keeps its state where `name` does, if it keeps any."""
    place = name.rpartition(", ")[2]
    beside = [each for each in systems if each == baseline or each.startswith(f"{baseline}, ")]
    same = [each for each in beside if each.endswith(f", {place}")]
    found: Mapping[str, Any] | None = systems[(same or beside)[0]] if beside else None
    return found


def _load_cells(figures: Run) -> Row:
    return (
        f"{figures['requests_per_second']:,.0f}",
        f"{figures['p50_ms']:.2f} ms",
        f"{figures['p99_ms']:.2f} ms",
        f"{figures['cpu_ms_per_request']:.2f} ms",
        f"{figures['failures']:,}",
    )


def _ratios(figures: Run, baseline: Run) -> str:
    """Throughput, p50 and CPU over the baseline's."""
    keys = ("requests_per_second", "p50_ms", "cpu_ms_per_request")
    found = [ratio(figures, baseline, key) for key in keys]
    return ", ".join("-" if each is None else f"{each:.2f}" for each in found)


def _stream_rows(phase: Run) -> list[Row]:
    systems: Mapping[str, Any] = phase.get("systems", {})
    rows: list[Row] = [("", "added, p50", "added, p99", "CPU", "failed", "p50 ÷ floor")]
    for name, figures in systems.items():
        over = ratio(figures, baseline_of(systems, "floor", name) or {}, "added_p50_ms")
        cells = (f"{figures['added_p50_ms']:.1f} ms", f"{figures['added_p99_ms']:.1f} ms")
        share = f"{100 * figures['cpu_share']:.0f} %"
        rows.append((name, *cells, share, f"{figures['failures']:,}", "-" if over is None else f"{over:.2f}"))
    return rows


def _start_rows(phase: Run) -> list[Row]:
    rows: list[Row] = [("", "listens after", "ready after", "resident while idle")]
    for name, figures in phase.get("systems", {}).items():
        seconds = (f"{figures['seconds_to_listen']:.2f} s", f"{figures['seconds_to_ready']:.2f} s")
        rows.append((name, *seconds, f"{figures['idle_mib']:.0f} MiB"))
    return rows


def _socket_rows(phase: Run) -> list[Row]:
    number = phase.get("sockets", 0)
    rows: list[Row] = [("", f"memory of each of {number:,}")]
    return rows + [(name, f"{size:.1f} KiB") for name, size in phase.get("kib_per_socket", {}).items()]


def _soak_rows(phase: Run) -> list[Row]:
    rows: list[Row] = [("requests", "failed", "requests/s", "memory's growth, second half")]
    if phase:
        growth = f"{phase['kib_per_minute_in_the_second_half']:.1f} KiB/min"
        each = f"{phase['bytes_per_request_in_the_second_half']:.1f} B a request"
        speed = f"{phase['requests_per_second']:,.0f}"
        rows.append((f"{phase['requests']:,}", f"{phase['failures']:,}", speed, f"{growth}, {each}"))
    return rows


def _table(title: str, rows: Sequence[Row]) -> str:
    head, *rest = rows
    lines = [head, ["---"] * len(head), *rest]
    return f"{title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)
