"""The baseline: the same objects, rendered beforehand, applied with the same client and as many at a time.

It watches nothing, compares nothing, reports nothing: so fast the API server takes the objects while its controllers
and the fake nodes work on them, on this machine, in this run.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from benchmarks.fleet.cluster import BARE_WRITER, FleetCluster, concurrently
from benchmarks.fleet.requests import Request
from benchmarks.fleet.usage import CpuMeter
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY, SECRET, Json, Kind, kind_of
from tenantry_operator.resources.desired import desired
from tenantry_operator.resources.image import Defaults
from tenantry_operator.resources.secret import build_token_secret

Manifest = Mapping[str, Any]


async def measure(cluster: FleetCluster, workers: int) -> dict[str, Any]:
    """Write every tenant's objects; returns seconds, writes a second, and what the control plane used."""
    async with cluster.client(BARE_WRITER) as client:
        fleet = list(await _render(client))
        audit, meter = cluster.audit(), CpuMeter(cluster.pids())

        async def write(objects: tuple[Manifest, ...]) -> None:
            for manifest in objects:
                kind = kind_of(manifest)
                if kind is SECRET:
                    await client.create(kind, manifest)
                else:
                    await client.apply(kind, manifest, create_only=True)

        await concurrently(write, fleet, workers)
    cpu = meter.read()
    asked = [one for one in audit.read() if one.user == BARE_WRITER and one.writes]
    seconds = _span(asked)
    return {
        "seconds": round(seconds, 2),
        "writes": len(asked),
        "writes_per_second": round(len(asked) / seconds, 1),
        "cpu_seconds": cpu,
    }


async def _render(client: Client) -> Iterator[tuple[Manifest, ...]]:
    """Every tenant's objects, as the operator would make them."""
    gateways = [Gateway.parse(body) for body in await _all(client, GATEWAY)]
    bindings: dict[tuple[str, str], list[AgentBinding]] = {}
    for binding in map(AgentBinding.parse, await _all(client, AGENT_BINDING)):
        bindings.setdefault(binding.gateway_key, []).append(binding)
    defaults = Defaults("registry.example.com/tenantry/gateway:1", "IfNotPresent")
    return (
        (
            build_token_secret(gateway, "a-token-of-the-benchmark"),
            *desired(gateway, bindings.get(gateway.key, ()), defaults).manifests,
        )
        for gateway in gateways
    )


async def _all(client: Client, kind: Kind) -> list[Json]:
    pages = [tuple(page.items) async for page in client.list_pages(kind)]
    return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in chain.from_iterable(pages)]


def _span(requests: list[Request]) -> float:
    """Seconds from the first answer to the last: the time of the first request itself is lost in it."""
    times = [one.at for one in requests]
    return max(times) - min(times)
