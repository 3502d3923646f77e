"""The phase ``start``: how soon each system listens and is ready, and what it holds in memory while idle."""

import argparse
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fleet.usage import KIB, memory
from benchmarks.gateway.figures import Figures, middle
from benchmarks.gateway.systems import LITELLM_READY, Bench, System
from dev.console import say

IDLE_SECONDS = 5.0
"""From ready until memory is read: the gateway loads the SDK meanwhile."""
Start = Callable[[], AbstractContextManager[System]]


def measure(bench: Bench, state: Path, litellm: Path | None, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds and MiB by system: the median of some starts, after one that does not count. LiteLLM is started once."""
    found: dict[str, Figures] = {}
    with bench.upstream() as upstream:
        say("starts")
        found["floor"] = _starts(partial(bench.floor, upstream.url, state), _floor_ready, options.rounds)
        found["gateway"] = _starts(partial(bench.gateway, upstream.url, state), _gateway_ready, options.rounds)
        if litellm is not None:
            found["litellm"] = _starts(partial(bench.litellm, upstream.url, litellm), _litellm_ready, 1)
    return {"systems": found}


def _starts(start: Start, ready: Callable[[System], Figures], times: int) -> Figures:
    figures = []
    for number in range(times + 1):
        with start() as system:
            seconds = ready(system)
            if number:
                time.sleep(IDLE_SECONDS)
                figures.append({**seconds, "idle_mib": round(memory(system.pid).now / KIB / KIB, 1)})
    return middle(figures)


def _floor_ready(system: System) -> Figures:
    seconds = system.wait_to_listen()
    return {"seconds_to_listen": seconds, "seconds_to_ready": seconds}


def _gateway_ready(system: System) -> Figures:
    return {"seconds_to_listen": system.wait_to_log("listening"), "seconds_to_ready": system.wait_for("/ready")}


def _litellm_ready(system: System) -> Figures:
    return {"seconds_to_listen": system.wait_to_listen(), "seconds_to_ready": system.wait_for(LITELLM_READY)}
