"""How long nobody acts when the leader is killed, and when it ends in order."""

import asyncio
import statistics
import time
from typing import Any

from benchmarks.fleet.cluster import FleetCluster
from benchmarks.fleet.convergence import wait_for
from tests.integration.operator_harness import Operator

ROUNDS = 3
PATIENCE = 600.0
"""Seconds; a standby of 5,000 tenants reads for a minute before it is ready."""
POLL_SECONDS = 0.02


async def measure(cluster: FleetCluster, leader: Operator) -> dict[str, Any]:
    """Kill and stop leaders in turn. The last one that leads is left running, as the operator that it is given was."""
    replicas = [leader, cluster.operator("standby")]
    replicas[1].launch()
    killed, released = [], []
    for _ in range(ROUNDS):
        killed.append(await _change(replicas, kill=True))
        released.append(await _change(replicas, kill=False))
    replicas[1].stop()
    return {
        "rounds": ROUNDS,
        "seconds_after_kill": _spread(killed),
        "seconds_after_release": _spread(released),
    }


async def _change(replicas: list[Operator], *, kill: bool) -> float:
    """End the first replica, wait for the second to lead, start the first again; they have changed places then."""
    first, second = replicas
    await wait_for(lambda: second.get("health", "/readyz") is not None, "the standby is ready", PATIENCE)
    await asyncio.sleep(3)  # It should have seen a renewal or two, as it has whenever a leader dies.
    began = time.monotonic()
    if kill:
        first.kill(release_lease=False)
    else:
        await asyncio.to_thread(first.stop)
    await wait_for(second.leads, "the standby leads", PATIENCE, POLL_SECONDS)
    seconds = time.monotonic() - began
    first.launch()
    replicas.reverse()
    return seconds


def _spread(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 2), "max": round(max(seconds), 2)}
