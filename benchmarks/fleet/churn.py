"""Memory of the operator while tenants come, change and go for a long time."""

import asyncio
import itertools
import random
import time
from contextlib import suppress
from typing import Any

from benchmarks.fleet import tenants
from benchmarks.fleet.changes import ticks
from benchmarks.fleet.cluster import FleetCluster
from benchmarks.fleet.usage import KIB, CpuMeter, memory
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import ApiError
from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY
from tests.integration.operator_harness import Operator

SAMPLE_SECONDS = 10.0
PER_SECOND = 2.0
"""Changes: in turn a tenant that changes, one that goes and comes again, and a binding that comes and goes."""
REST_SECONDS = 2.0
"""Between the end of a tenant and its return."""


async def measure(cluster: FleetCluster, operator: Operator, seconds: float) -> dict[str, Any]:
    """Returns resident bytes over time, and how much they grow in the second half."""
    assert operator.process is not None
    pid = operator.process.pid
    meter = CpuMeter({"operator": pid})
    async with cluster.client() as client:
        churn = asyncio.create_task(_churn(client, cluster.size))
        began = time.monotonic()
        samples: list[tuple[float, int]] = []
        for due in ticks(began, SAMPLE_SECONDS):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            samples.append((round(time.monotonic() - began, 1), memory(pid).now))
            if churn.done() or time.monotonic() - began >= seconds:
                break
        churn.cancel()
        with suppress(asyncio.CancelledError):
            await churn  # What ended it early is raised here.
    late = [sample for sample in samples if sample[0] >= seconds / 2]
    return {
        "seconds": seconds,
        "changes_per_second": PER_SECOND,
        "cpu_seconds": meter.read(),
        "memory_samples": samples,
        "kib_per_minute_in_the_second_half": round(60 * slope(late) / KIB, 1),
    }


def slope(samples: list[tuple[float, int]]) -> float:
    """The regression line's growth, in bytes a second; 0 for less than two samples."""
    if len(samples) < 2:
        return 0.0
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread


async def _churn(client: Client, size: int) -> None:
    pause = 1 / PER_SECOND
    turns = itertools.cycle((_change, _replace, _rebind))
    async with asyncio.TaskGroup() as running:
        for due in ticks(time.monotonic(), pause):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tenant = random.randrange(size)  # noqa: S311 - a choice, no secret
            running.create_task(next(turns)(client, tenant))


async def _change(client: Client, tenant: int) -> None:
    await client.apply(GATEWAY, tenants.gateway(tenant, f"You help since {time.time():.3f}."))


async def _replace(client: Client, tenant: int) -> None:
    """Delete a Gateway and make it again."""
    key = tenants.namespace_of(tenant), tenants.name_of(tenant)
    try:
        live = await client.get(GATEWAY, *key)
        await client.delete(GATEWAY, *key, live["metadata"]["uid"])
    except ApiError:
        return  # Another turn has just deleted it.
    await asyncio.sleep(REST_SECONDS)
    await client.apply(GATEWAY, tenants.gateway(tenant))


async def _rebind(client: Client, tenant: int) -> None:
    """Delete a binding and make it again."""
    binding = next(iter(tenants.bindings(tenant)))
    key = binding["metadata"]["namespace"], binding["metadata"]["name"]
    try:
        live = await client.get(AGENT_BINDING, *key)
        await client.delete(AGENT_BINDING, *key, live["metadata"]["uid"])
    except ApiError:
        return
    await asyncio.sleep(REST_SECONDS)
    await client.apply(AGENT_BINDING, binding)
