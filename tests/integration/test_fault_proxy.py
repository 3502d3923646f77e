"""The fault-injecting proxy itself: what the tests of the operator under trouble stand on."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tenantry_operator.kube import errors
from tenantry_operator.kube.client import Client, WatchEvent
from tenantry_operator.kube.credentials import load_credentials
from tenantry_operator.kube.kinds import CONFIG_MAP
from tenantry_operator.metrics import Metrics
from tests.integration.fault_proxy import FaultProxy, Watch
from tests.integration.faults import Match, Target, answer, dropped, lost, then, unanswered, without
from tests.integration.operator_harness import Manifest, eventually


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(control_plane) as running:
        yield running


@pytest_asyncio.fixture
async def client(proxy: FaultProxy, account: Path, tmp_path: Path) -> AsyncIterator[Client]:
    credentials = await load_credentials(proxy.kubeconfig(account, tmp_path / "kubeconfig"))
    through = Client(credentials, Metrics(), manager="tenantry-operator", rand=random.random)
    yield through
    await through.close()


def config_map(name: str, namespace: str) -> Manifest:
    meta = {"name": name, "namespace": namespace, "labels": {"tenantry.dev/gateway": "x"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"k": "v"}}


async def watched(client: Client, namespace: str, since: str, count: int) -> list[WatchEvent]:
    found: list[WatchEvent] = []
    async for event in client.watch(CONFIG_MAP, since, 20, selector="tenantry.dev/gateway", namespace=namespace):
        found.append(event)
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("GET", "/api/v1/namespaces", Target("list", "namespaces")),
        ("GET", "/api/v1/namespaces/n", Target("get", "namespaces", name="n")),
        ("GET", "/api/v1/namespaces/n/pods", Target("list", "pods", "n")),
        ("GET", "/api/v1/pods", Target("list", "pods")),
        ("PATCH", "/apis/apps/v1/namespaces/n/deployments/d", Target("apply", "deployments", "n", "d")),
        ("PATCH", "/apis/a.b/v1/namespaces/n/gateways/g/status", Target("apply", "gateways/status", "n", "g")),
        ("DELETE", "/api/v1/namespaces/n/secrets/s", Target("delete", "secrets", "n", "s")),
        ("DELETE", "/api/v1/namespaces/n/secrets", Target("deletecollection", "secrets", "n")),
        ("POST", "/api/v1/namespaces/n/secrets", Target("create", "secrets", "n", "s")),
        ("GET", "/apis/a.b/v1", Target("get", "", name="/apis/a.b/v1")),
    ],
)
def test_requests_are_read_as_the_api_server_reads_them(method: str, path: str, target: Target) -> None:
    body = b'{"metadata": {"name": "s"}}'
    assert Target.of(method, path, {}, "application/apply-patch+yaml", body) == target
    assert Target.of("GET", path, {"watch": "1"}, "", b"").verb in {"watch", "get"}


def test_a_match_names_verbs_and_whole_names() -> None:
    target = Target("apply", "configmaps", "n", "a-gateway")

    assert Match(("apply", "create"), "configmaps", "n", "a-.*").fits(target, {}, "t")
    assert not Match(("get",)).fits(target, {}, "t")
    assert not Match(name="a").fits(target, {}, "t")
    assert not Match(query={"limit": ""}).fits(target, {}, "t")
    assert Match(query={"limit": ""}).fits(target, {"limit": "5"}, "t")
    assert not Match(token="other").fits(target, {}, "t")


async def test_what_no_fault_meets_passes_as_it_is(client: Client, proxy: FaultProxy, namespace: str) -> None:
    stored = await client.apply(CONFIG_MAP, config_map("x", namespace))

    assert await client.get(CONFIG_MAP, namespace, "x") == stored
    with pytest.raises(errors.NotFoundError):
        await client.get(CONFIG_MAP, namespace, "none")
    assert [(str(each.target), each.status) for each in proxy.asked(resource="configmaps")] == [
        (f"apply configmaps {namespace}/x", 201),
        (f"get configmaps {namespace}/x", 200),
        (f"get configmaps {namespace}/none", 404),
    ]


async def test_faults_count_what_they_meet_and_end(client: Client, proxy: FaultProxy, namespace: str) -> None:
    with proxy.fault(answer(409, "Conflict"), "apply", resource="configmaps", skip=1, times=1) as fault:
        await client.apply(CONFIG_MAP, config_map("a", namespace))
        with pytest.raises(errors.ConflictError):
            await client.apply(CONFIG_MAP, config_map("b", namespace))
        await client.apply(CONFIG_MAP, config_map("c", namespace))
        assert (fault.seen, fault.met) == (3, 1)
    with proxy.fault(answer(429, retry_after=77), "get"), pytest.raises(errors.TooManyRequestsError) as told:
        await client.get(CONFIG_MAP, namespace, "a")
    assert told.value.retry_after == 77


async def test_a_dropped_request_is_not_done_and_a_lost_one_is(
    client: Client, proxy: FaultProxy, kubectl: Kubectl, namespace: str
) -> None:
    with proxy.fault(dropped, "apply"), pytest.raises(errors.UnavailableError):
        await client.apply(CONFIG_MAP, config_map("dropped", namespace))
    with proxy.fault(lost, "apply"), pytest.raises(errors.UnavailableError):
        await client.apply(CONFIG_MAP, config_map("lost", namespace))

    found = {each["metadata"]["name"] for each in kubectl.items("configmaps", namespace)}
    assert "lost" in found
    assert "dropped" not in found


async def test_a_black_hole_says_nothing_until_it_is_taken_away(
    client: Client, proxy: FaultProxy, namespace: str
) -> None:
    with proxy.fault(unanswered, "get", times=1) as hole:
        asking = asyncio.create_task(client.get(CONFIG_MAP, namespace, "x"))
        await asyncio.to_thread(eventually, lambda: hole.met or None)
        assert proxy.asked("get")[0].status == 0
    with pytest.raises(errors.NotFoundError):
        await asking  # Cut, and asked again by the client.


async def test_a_hook_runs_after_the_write_and_before_or_after_the_answer(
    client: Client, proxy: FaultProxy, kubectl: Kubectl, namespace: str
) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(kubectl.get("configmap", "x", namespace)["data"]["k"])

    with proxy.fault(then(look, told=True), "apply", times=1):
        await client.apply(CONFIG_MAP, config_map("x", namespace))
        await asyncio.to_thread(eventually, lambda: seen or None)
    with proxy.fault(then(look, told=False), "apply"), pytest.raises(errors.UnavailableError):
        await client.apply(CONFIG_MAP, config_map("x", namespace))
    assert set(seen) == {"v"}
    assert len(seen) == 1 + len(proxy.asked("apply")) - 1


async def test_events_can_be_swallowed(client: Client, proxy: FaultProxy, namespace: str) -> None:
    since = await version_after(client, "a", namespace)
    await version_after(client, "b", namespace)
    await version_after(client, "c", namespace)

    with proxy.fault(without("ADDED", name="b"), "watch"):
        (event,) = await watched(client, namespace, since, 1)

    assert event.object["metadata"]["name"] == "c"


async def test_a_watch_can_be_closed_and_cut(client: Client, proxy: FaultProxy, namespace: str) -> None:
    since = await version_after(client, "a", namespace)
    following = asyncio.create_task(watched(client, namespace, since, 9))
    (await opened(proxy)).close()
    assert await following == []

    following = asyncio.create_task(watched(client, namespace, since, 9))
    (await opened(proxy)).cut()
    with pytest.raises(errors.UnavailableError):
        await following


async def test_a_watch_can_end_within_a_line(client: Client, proxy: FaultProxy, namespace: str) -> None:
    since = await version_after(client, "a", namespace)
    following = asyncio.create_task(watched(client, namespace, since, 9))
    (await opened(proxy)).cut_next_line()
    await version_after(client, "b", namespace)
    with pytest.raises(errors.UnavailableError):
        await following


async def test_a_watch_can_be_told_an_error(client: Client, proxy: FaultProxy, namespace: str) -> None:
    since = await version_after(client, "a", namespace)
    following = asyncio.create_task(watched(client, namespace, since, 1))
    (await opened(proxy)).error(410, "Expired")
    (event,) = await following
    assert (event.type, event.object["code"]) == ("ERROR", 410)


async def test_a_watch_can_fall_silent(client: Client, proxy: FaultProxy, namespace: str) -> None:
    since = await version_after(client, "a", namespace)
    following = asyncio.create_task(watched(client, namespace, since, 1))
    watch = await opened(proxy)
    watch.stall()
    await version_after(client, "b", namespace)
    watch.close()
    assert await following == []


async def test_in_an_outage_connections_are_cut_and_refused(client: Client, proxy: FaultProxy, namespace: str) -> None:
    since = await version_after(client, "a", namespace)
    following = asyncio.create_task(watched(client, namespace, since, 1))
    await opened(proxy)
    with proxy.outage():
        with pytest.raises(errors.UnavailableError):
            await following
        with pytest.raises(errors.UnavailableError):
            await client.get(CONFIG_MAP, namespace, "a")
    await client.get(CONFIG_MAP, namespace, "a")


async def version_after(client: Client, name: str, namespace: str) -> str:
    """Make a ConfigMap; the resourceVersion to watch from."""
    live = await client.apply(CONFIG_MAP, config_map(name, namespace))
    return str(live["metadata"]["resourceVersion"])


async def opened(proxy: FaultProxy) -> Watch:
    return await asyncio.to_thread(eventually, lambda: next(iter(proxy.watches("configmaps")), None))
