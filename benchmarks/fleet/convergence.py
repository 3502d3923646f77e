"""From nothing but what teams have applied to tenants that are Ready, and a restart when all of them are."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from benchmarks.fleet.cluster import FleetCluster
from benchmarks.fleet.requests import AuditLog, Request, by_kind, writes_per_object
from benchmarks.fleet.usage import CpuMeter, memory
from tenantry_operator.kube.kinds import APPLIED_KINDS, SECRET
from tests.integration.operator_harness import ACCOUNT, Operator

POLL_SECONDS = 0.5
PATIENCE = 3600.0
QUIET_SECONDS = 5.0
"""So long nothing is written once the fleet is steady."""
OBJECTS = frozenset(kind.plural for kind in (*APPLIED_KINDS, SECRET))


async def measure_start(cluster: FleetCluster, operator: Operator) -> dict[str, Any]:
    """Start the operator beside a fleet that it has never seen, and wait until every tenant is Ready and served."""
    audit, meter = cluster.audit(), CpuMeter(cluster.pids())
    began, clock = time.time(), time.monotonic()
    operator.launch()
    process = operator.process
    assert process is not None
    own = CpuMeter({"operator": process.pid})
    requests: list[Request] = []
    objects: dict[str, float] = {}

    def all_there() -> bool:
        _note(audit, requests)
        return _last_object(requests, cluster.size) is not None

    await wait_for(all_there, "every object")
    objects = meter.read() | own.read()
    last = _last_object(requests, cluster.size)
    assert last is not None
    await wait_for(lambda: _served(operator, cluster.size), "every tenant is Ready")
    ready = time.monotonic() - clock
    await _until_quiet(audit, requests)
    own_writes = [one for one in requests if one.user == ACCOUNT and one.writes]
    return {
        "seconds_to_all_objects": round(last - began, 2),
        "seconds_to_first_write": round(min(one.at for one in own_writes if one.resource in OBJECTS) - began, 2),
        "seconds_to_all_ready": round(ready, 2),
        "cpu_seconds_to_all_objects": objects,
        "cpu_seconds_to_all_ready": meter.read() | own.read(),
        "writes": len(own_writes),
        "writes_per_object": writes_per_object(own_writes),
        "requests": by_kind(one for one in requests if one.user == ACCOUNT),
        "memory_bytes": memory(process.pid).now,
        "peak_memory_bytes": memory(process.pid).peak,
    }


async def measure_restart(cluster: FleetCluster, operator: Operator) -> dict[str, Any]:
    """End the operator in order and start it again; nothing has changed meanwhile."""
    operator.stop()
    audit = cluster.audit()
    clock = time.monotonic()
    operator.launch()
    process = operator.process
    assert process is not None
    own = CpuMeter({"operator": process.pid})
    await wait_for(lambda: _looked_at(operator, cluster.size), "the restarted operator has looked at every tenant")
    steady = time.monotonic() - clock
    cpu = own.read()["operator"]
    await asyncio.sleep(QUIET_SECONDS)
    requests = [one for one in audit.read() if one.user == ACCOUNT]
    return {
        "seconds_to_steady": round(steady, 2),
        "cpu_seconds": cpu,
        "writes": by_kind(one for one in requests if one.writes and one.resource != "leases"),
        "requests": by_kind(requests),
        "memory_bytes": memory(process.pid).now,
        "peak_memory_bytes": memory(process.pid).peak,
    }


async def measure_idle(cluster: FleetCluster, operator: Operator, seconds: float) -> dict[str, Any]:
    """Let it be, with every tenant Ready, once it has looked at all of them."""
    assert operator.process is not None
    await wait_for(lambda: _looked_at(operator, cluster.size), "the operator has looked at every tenant")
    audit, meter = cluster.audit(), CpuMeter(cluster.pids() | {"operator": operator.process.pid})
    await asyncio.sleep(seconds)
    requests = [one for one in audit.read() if one.user == ACCOUNT]
    pages = [one for one in requests if one.verb == "list"]
    rest = [one for one in requests if one.verb not in {"watch", "list"} and one.resource != "leases"]
    return {
        "seconds": seconds,
        "requests": by_kind(requests),
        "lists": by_kind(one for one in pages if "continue=" not in one.uri),
        "list_pages": by_kind(pages),
        "requests_besides_watches_lists_and_lease": by_kind(rest),
        "cpu_seconds": meter.read(),
    }


async def wait_for(done: Callable[[], bool], what: str, seconds: float = PATIENCE, poll: float = POLL_SECONDS) -> None:
    """Look until it is so.

    Raises:
        TimeoutError: after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(poll)


def _note(audit: AuditLog, requests: list[Request]) -> None:
    requests += audit.read()


def _last_object(requests: list[Request], size: int) -> float | None:
    """When the last object of the fleet was made; None while some are missing."""
    created: dict[tuple[str, tuple[str, str]], float] = {}
    for one in requests:
        if one.user == ACCOUNT and one.writes and one.resource in OBJECTS and one.code < 300:
            created.setdefault((one.resource, one.key), one.at)
    # A Secret is made by POST, whose audit event has no name: one namespace and resource stand for several.
    made = sum(1 for one in requests if one.user == ACCOUNT and one.verb == "create" and one.resource == "secrets")
    named = {each: at for each, at in created.items() if each[0] != "secrets"}
    if made < size or len(named) < size * (len(OBJECTS) - 2):  # A single replica has no PodDisruptionBudget.
        return None
    secrets = [one.at for one in requests if one.resource == "secrets"]
    return max([*named.values(), *secrets])


def _served(operator: Operator, size: int) -> bool:
    ready = operator.metric_of("tenantry_gateways", condition="Ready", status="True")
    programmed = operator.metric_of("tenantry_gateways", condition="BindingsAccepted", status="True")
    return (ready or 0) >= size and (programmed or 0) >= size and operator.idle()


def _looked_at(operator: Operator, size: int) -> bool:
    if operator.get("health", "/readyz") is None or not operator.leads():
        return False
    return operator.metric("tenantry_operator_reconcile_total") >= size and operator.idle()


async def _until_quiet(audit: AuditLog, requests: list[Request]) -> None:
    """Wait until nothing has been written for a while."""
    while True:
        await asyncio.sleep(QUIET_SECONDS)
        news = audit.read()
        requests += news
        if not any(one.writes and one.resource != "leases" for one in news):
            return
