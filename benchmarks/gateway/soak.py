"""The phase ``soak``: many requests to one gateway, and whether its memory grows."""

import argparse
import asyncio
import time
from math import inf
from pathlib import Path
from typing import Any

from benchmarks.fleet.usage import KIB, memory
from benchmarks.gateway.figures import slope
from benchmarks.gateway.load import Tally, closed_loop
from benchmarks.gateway.requests import mixed
from benchmarks.gateway.systems import Bench, System
from dev.console import say

SAMPLE_SECONDS = 10.0
CONNECTIONS = 10
SAY_EVERY = 30
"""Samples."""


def measure(bench: Bench, state: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Resident bytes over time, and how much they grow in the second half."""
    with bench.upstream() as upstream, bench.gateway(upstream.url, state) as gateway:
        gateway.wait_for("/ready")
        say(f"{options.requests:,} requests")
        tally, samples = asyncio.run(_run(gateway, options))
    late = [(at, float(size)) for at, size in samples if at >= tally.elapsed / 2]
    return {
        "requests": options.requests,
        "senders": options.soak_senders,
        "failures": tally.failures,
        "seconds": round(tally.elapsed, 1),
        "requests_per_second": round(options.requests / tally.elapsed, 1),
        "memory_samples": samples,
        "kib_per_minute_in_the_second_half": round(60 * slope(late) / KIB, 1),
        "bytes_per_request_in_the_second_half": round(slope(late) * tally.elapsed / options.requests, 1),
    }


async def _run(gateway: System, options: argparse.Namespace) -> tuple[Tally, list[tuple[float, int]]]:
    requests = mixed(options.requests, options.soak_senders)
    load = asyncio.create_task(closed_loop(gateway.port, requests, CONNECTIONS, inf))
    began = time.monotonic()
    samples: list[tuple[float, int]] = []
    while not load.done():
        samples.append((round(time.monotonic() - began, 1), memory(gateway.pid).now))
        if len(samples) % SAY_EVERY == 0:
            say(f"{samples[-1][0] / 60:.0f} min: {samples[-1][1] / KIB / KIB:.1f} MiB")
        await asyncio.wait({load}, timeout=SAMPLE_SECONDS)
    return await load, samples
