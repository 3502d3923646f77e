"""How soon a change of one Gateway is in its ConfigMap, alone and while many others change."""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fleet import tenants
from benchmarks.fleet.cluster import FleetCluster
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import ApiError
from tenantry_operator.kube.kinds import CONFIG_MAP, GATEWAY
from tenantry_operator.resources.metadata import GATEWAY_LABEL

SAMPLES = 200
PAUSE = 0.1
"""Seconds between two samples."""
STORM_SAMPLES = 300
PATIENCE = 60.0
WATCH_SECONDS = 6 * 3600


@dataclass(slots=True)
class Watcher:
    """Sees each ConfigMap of the operator as soon as a watch tells of it."""

    client: Client
    _awaited: dict[str, asyncio.Future[float]] = field(default_factory=dict)
    """By a text that only the new ConfigMap holds: when it was seen."""

    async def run(self, ready: asyncio.Event) -> None:
        """Watch until cancelled."""
        version = ""
        async for page in self.client.list_pages(CONFIG_MAP, selector=GATEWAY_LABEL):
            version = page.version
        ready.set()
        async for event in self.client.watch(CONFIG_MAP, version, WATCH_SECONDS, selector=GATEWAY_LABEL):
            now = time.monotonic()
            for text in [text for text in self._awaited if text in str(event.object.get("data"))]:
                self._awaited.pop(text).set_result(now)

    async def when(self, text: str) -> float:
        """When a ConfigMap with this text was seen, on the monotonic clock."""
        future = self._awaited[text] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(future, PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(f"no ConfigMap with {text!r} within {PATIENCE:.0f} s") from error


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds from a change of a Gateway to the watch event of its new ConfigMap."""

    sent: float
    """Since the change was sent."""
    answered: float
    """Since the API server had answered it; 0 where the event came before the answer."""


class Changer:
    """Changes Gateways and waits for what comes of it."""

    def __init__(self, client: Client, watcher: Watcher, size: int) -> None:
        self._client = client
        self._watcher = watcher
        self._size = size
        self._numbers = itertools.count(1)
        self.failed = 0
        """Changes of the storm that the API server has refused or not answered in time."""

    async def change(self, tenant: int, text: str = "You help in a storm.") -> None:
        """Give an agent of a tenant another system prompt: with ``text`` and a number in it."""
        patch = {"spec": {"agents": {"main": {"system": f"{text} {next(self._numbers):08d}"}}}}
        await self._client.merge_patch(GATEWAY, tenants.namespace_of(tenant), tenants.name_of(tenant), patch)

    async def sample(self, tenant: int) -> Sample:
        """Measure one change."""
        text = f"You are sample {next(self._numbers):08d}."
        seen = asyncio.ensure_future(self._watcher.when(text))
        await asyncio.sleep(0)  # So that it waits before anything can be seen.
        sent = time.monotonic()
        await self.change(tenant, text)
        answered = time.monotonic()
        at = await seen
        return Sample(at - sent, max(0.0, at - answered))

    async def storm(self, per_second: float) -> None:
        """Change Gateways of the second half at this rate until cancelled; a change that takes long holds up none.

        Samples are of the first half: a change that another has overtaken would never be seen.
        """
        async with asyncio.TaskGroup() as running:
            for due in ticks(time.monotonic(), 1 / per_second):
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                running.create_task(self._try(random.randrange(self._size // 2, self._size)))  # noqa: S311 - a choice, no secret

    async def _try(self, tenant: int) -> None:
        try:
            await self.change(tenant)
        except ApiError:
            self.failed += 1


async def measure(cluster: FleetCluster, storm_per_second: float) -> dict[str, Any]:
    """Latencies of single changes, then of single changes in a storm."""
    async with cluster.client() as client, cluster.client() as watching:
        watcher, ready = Watcher(watching), asyncio.Event()
        task = asyncio.create_task(watcher.run(ready))
        await ready.wait()
        changer = Changer(client, watcher, cluster.size)
        alone = await _samples(changer, cluster.size, SAMPLES)
        storm = asyncio.create_task(changer.storm(storm_per_second))
        stormy = await _samples(changer, cluster.size, STORM_SAMPLES)
        for each in (storm, task):
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each
    return {
        "alone": _summary(alone),
        "storm": {"changes_per_second": storm_per_second, "failed_changes": changer.failed, **_summary(stormy)},
    }


def ticks(start: float, pause: float) -> Iterator[float]:
    """Times at equal distances."""
    return (start + number * pause for number in itertools.count())


async def _samples(changer: Changer, size: int, count: int) -> list[Sample]:
    found = []
    for _ in range(count):
        found.append(await changer.sample(random.randrange(size // 2)))  # noqa: S311 - a choice, no secret
        await asyncio.sleep(PAUSE)
    return found


def _summary(samples: list[Sample]) -> dict[str, Any]:
    return {
        "samples": len(samples),
        "milliseconds_after_the_answer": percentiles([sample.answered for sample in samples]),
        "milliseconds_after_sending": percentiles([sample.sent for sample in samples]),
    }


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median, 90th, 99th percentile and maximum, in milliseconds."""
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {
        name: round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * part))], 1) for name, part in at.items()
    }
