"""The phase ``streams``: many at once, each slow, and how much later they end than the model alone lets them."""

import argparse
import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.fleet.usage import cpu_seconds
from benchmarks.gateway.figures import Figures, middle, percentile
from benchmarks.gateway.load import streams
from benchmarks.gateway.requests import relay_request
from benchmarks.gateway.systems import Bench, System, resting
from dev.console import say
from dev.errors import DevError

SPREAD_SECONDS = 2.0
"""Streams begin evenly over this time."""


def measure(bench: Bench, states: Mapping[str, Path], options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds that streams end late, by system: the median of the rounds, after a round that does not count."""
    arguments = ("--chunks", str(options.chunks), "--interval-ms", str(options.interval_ms))
    with ExitStack() as stack:
        upstream = stack.enter_context(bench.upstream(*arguments))
        systems = {}
        for kind, state in states.items():
            systems[f"floor, {kind}"] = stack.enter_context(bench.floor(upstream.url, state))
            systems[f"gateway, {kind}"] = gateway = stack.enter_context(bench.gateway(upstream.url, state))
            gateway.wait_for("/ready")
        found: dict[str, list[Figures]] = {}
        for number in range(options.rounds + 1):
            say("streams warm up" if not number else f"streams, round {number} of {options.rounds}")
            for name, system in {"stand-in alone": upstream, **systems}.items():
                with resting(each for each in systems.values() if each is not system):
                    figures = _ask(name, system, options)
                if number:
                    found.setdefault(name, []).append(figures)
    return {
        "streams": options.streams,
        "chunks": options.chunks,
        "interval_ms": options.interval_ms,
        "systems": {name: middle(rounds) for name, rounds in found.items()},
    }


def _ask(name: str, system: System, options: argparse.Namespace) -> Figures:
    """One stream on each connection. Raises DevError where none came to its end."""
    ideal = (options.chunks - 1) * options.interval_ms / 1000
    cpu = cpu_seconds(system.pid)
    tally = asyncio.run(streams(system.port, relay_request(stream=True), options.streams, SPREAD_SECONDS, ideal))
    used = cpu_seconds(system.pid) - cpu
    if not tally.seconds:
        raise DevError(f"{name}: no stream came to its end; its last line: {system.last_line()}")
    return {
        "added_p50_ms": round(1000 * (percentile(tally.seconds, 0.5) - ideal), 2),
        "added_p99_ms": round(1000 * (percentile(tally.seconds, 0.99) - ideal), 2),
        "cpu_share": round(used / tally.elapsed, 3),
        "failures": tally.failures,
    }
