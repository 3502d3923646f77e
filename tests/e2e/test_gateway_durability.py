"""What a gateway's pod keeps, however it ends; and the audit log that tells of it, with `kubectl tenantry`."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice
from typing import Any

import pytest

from dev.install import GATEWAY_IMAGE
from dev.teams import GATEWAYS, eventually
from tests.cli import Cli
from tests.e2e.conftest import Stage
from tests.e2e.durability_harness import STATE, TEAM, Reached, Tenant, gateway, remove, set_up
from tests.integration.gateway_harness import until
from tests.integration.kill_harness import Client, check_clients, new_clients

IN = ("-n", TEAM.namespace)
TARGET = f"{GATEWAYS}/{TEAM.gateway}"
WAYS = ("whole", "stream", "socket", "keyed")
LONG = " ".join(["!chunk-delay 0.2", *(f"word{index}" for index in range(50))])
"""Answered for longer than the pause before SIGTERM."""
SECRETS = "/run/secrets/tenantry"
KILLS = int(os.environ.get("POD_KILLS", "5"))


@pytest.fixture(scope="module")
def tenant(stage: Stage) -> Iterator[Tenant]:
    image = next(archive.name for archive in stage.archives if archive.repository == GATEWAY_IMAGE)
    yield set_up(stage.kubectl, stage.upstream, image)
    remove(stage.kubectl)


@pytest.fixture
def cli(tenant: Tenant) -> Cli:
    return Cli(tenant.kubectl.binary, tenant.kubectl.kubeconfig)


def acknowledged(clients: list[Client]) -> int:
    return sum(len(client.acknowledged) for client in clients)


async def check(tenant: Tenant, clients: list[Client]) -> None:
    """Hold the pod that serves to everything that the clients were told."""
    async with tenant.reached(tenant.ready_pod()) as reached:
        sessions = await reached.sessions()
        check_clients(clients, sessions)
        verification = (await reached.get("/v1/audit", limit="1", verify="true"))["verification"]
        assert verification["fault"] is None
        events = await reached.events()
        assert [event["n"] for event in events] == list(range(1, len(events) + 1))
        successes = [event for event in events if event["type"] == "agent.message" and event["outcome"] == "success"]
        assert len(successes) >= sum(map(len, sessions)), "a turn is kept that the audit log does not know of"


async def one_life(
    tenant: Tenant, clients: list[Client], kill: Callable[[Mapping[str, Any]], None], seconds: float
) -> None:
    """Let the clients talk to the pod, and end it `seconds` after they were answered."""
    pod = await asyncio.to_thread(tenant.ready_pod)
    async with tenant.reached(pod) as reached:
        before = acknowledged(clients)
        talking = [asyncio.create_task(client.converse(reached)) for client in clients]

        async def answering() -> bool:
            return acknowledged(clients) >= before + len(clients)

        await until(answering)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(kill, pod)
        await asyncio.to_thread(tenant.ready_pod, pod)
    await asyncio.gather(*talking)


async def test_nothing_acknowledged_is_lost_however_often_the_pod_is_killed(tenant: Tenant, cli: Cli) -> None:
    chance, clients = random.Random(11), new_clients(11, 8)

    # In turn: a container that is killed again and again in the same pod has to wait for longer and longer.
    for number, kill in enumerate(islice(cycle((tenant.kill_process, tenant.force_deletion)), KILLS), start=1):
        await one_life(tenant, clients, kill, chance.uniform(0.0, 0.5))
        await check(tenant, clients)
        if number % 10 == 0:
            print(f"{number} kills, {acknowledged(clients)} messages acknowledged, none lost", flush=True)

    for way in WAYS:
        assert sum(len(client.acknowledged) for client in clients if client.way == way) > 5
    verified = await asyncio.to_thread(cli.run, "audit", "tail", *IN, "--verify", "--lines", "1")
    assert verified.returncode == 0, verified.stderr
    assert re.search(r"as it was written: [0-9]+ lines, head [0-9]+:[0-9a-f]{64}", verified.stderr)


@pytest.mark.parametrize("how", [Tenant.delete, Tenant.restart], ids=["delete", "rollout restart"])
async def test_what_was_accepted_is_finished_when_a_pod_is_told_to_end(
    tenant: Tenant, how: Callable[[Tenant, Mapping[str, Any]], None]
) -> None:
    clients = [client for client in new_clients(12, 8) if client.way in {"whole", "keyed"}]
    for client in clients:
        client.name = f"{how.__name__}{client.name}"
    pod = await asyncio.to_thread(tenant.ready_pod)
    async with tenant.crowd(LONG) as crowd, tenant.reached(pod) as reached:
        assert crowd.stdout is not None
        talking = [asyncio.create_task(client.converse(reached)) for client in clients]

        async def answering() -> bool:
            return acknowledged(clients) >= len(clients)

        await until(answering)
        assert await crowd.stdout.readline() == b"under way\n"
        terminated, over = await asyncio.to_thread(tenant.ended, pod, lambda pod: how(tenant, pod))
        ends = json.loads(await crowd.stdout.readline())
    await asyncio.gather(*talking)

    assert terminated["exitCode"] == 0, terminated
    assert terminated["finishedAt"] <= over, "the pod was gone within its grace period"
    assert ends["streams"] == ["done"] * 6
    assert ends["answers"] == [True] * 4
    assert ends["codes"] == [1012] * 10
    assert len(ends["hints"]) == 10
    assert min(ends["hints"]) >= 1_000
    await check(tenant, clients)
    assert ("gateway.stop", "success") in await _outcomes(tenant)


async def _outcomes(tenant: Tenant) -> list[tuple[str, str]]:
    async with tenant.reached(tenant.ready_pod()) as reached:
        return [(event["type"], event["outcome"]) for event in await reached.events()]


def test_a_route_is_explained_by_the_pod(tenant: Tenant, cli: Cli) -> None:
    tenant.ready_pod()
    slack = ("route", "explain", *IN, "--channel", "slack", "--channel-id")

    assert cli(*slack, "alarms") == (
        "agent ops  (by bindings[0])\nsession agent:ops:slack:alarms\n"
        "  matches  bindings[0] (channel slack, channelId alarms) -> ops\n"
    )
    assert cli(*slack, "lounge") == (
        "agent main  (the default agent: no binding matches)\nsession agent:main:slack:lounge\n"
        "  not      bindings[0] (channel slack, channelId alarms) -> ops: channelId is 'lounge', not 'alarms'\n"
    )


def test_the_audit_log_is_shown_to_admins_and_others_are_told_what_to_do(
    stage: Stage, tenant: Tenant, cli: Cli
) -> None:
    tenant.ready_pod()
    cli("chat", *IN, "--session", "audited", "Is this noted?")
    events = cli("audit", "tail", *IN, "--lines", "5").splitlines()
    assert len(events) == 5
    assert re.search(r"^20\S+  agent\.message +success +token:shared  .*role=admin", events[-1])

    tenant.kubectl.apply(gateway(stage.upstream, rbac={"enabled": True}))
    refused = eventually(
        lambda: done if (done := cli.run("audit", "tail", *IN)).returncode else None, 30, "the role is gone"
    )
    tenant.kubectl.apply(gateway(stage.upstream))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "takes the role admin" in refused.stderr
    without_the_role = re.search(r"kubectl (-n \S+ exec .* audit verify)$", refused.stderr.strip())
    assert without_the_role, refused.stderr
    assert tenant.kubectl.run(*without_the_role[1].split()).startswith("as it was written: ")
    eventually(lambda: cli.run("audit", "tail", *IN).returncode == 0, 30, "the role is back")


CHANGE = f"""
import sys
with open("{STATE}/audit.jsonl", "r+b") as log:
    text = log.read()
    old, new = (word.encode() for word in sys.argv[1:])
    place = text.index(old)
    log.seek(place)
    log.write(new)
    print(text[:place].count(b"\\n") + 1)
"""


def test_a_changed_line_of_the_audit_log_is_found_and_named(tenant: Tenant, cli: Cli) -> None:
    truth, lie = '"outcome":"success"', '"outcome":"suc?ess"'
    line = tenant.execute(CHANGE, truth, lie)

    found = cli.run("audit", "tail", *IN, "--verify", "--lines", "1")
    tenant.execute(CHANGE, lie, truth)

    assert found.returncode == 1
    assert f"the audit log is NOT as it was written: audit.jsonl line {line}: its MAC is wrong" in found.stderr
    assert "as it was written" in cli.run("audit", "tail", *IN, "--verify", "--lines", "1").stderr


def test_the_key_of_the_audit_log_is_the_secret_s_and_not_on_the_volume(tenant: Tenant) -> None:
    secret = tenant.kubectl.get("secret", f"{TEAM.gateway}-audit", TEAM.namespace)

    mounted = tenant.execute(
        f"import base64; print(base64.b64encode(open('{SECRETS}/AUDIT_KEY', 'rb').read()).decode())"
    )

    assert mounted == secret["data"]["audit-key"]
    assert tenant.execute(f"import glob; print(glob.glob('{STATE}/**/*.key', recursive=True))") == "[]"
    assert tenant.execute(f"import os; print('audit.jsonl' in os.listdir('{STATE}'))") == "True"


async def test_a_gateway_that_is_made_again_has_its_sessions_and_its_audit_log(
    stage: Stage, tenant: Tenant, cli: Cli
) -> None:
    async with tenant.reached(tenant.ready_pod()) as reached:
        before = {tuple(session) for session in await reached.sessions()}
        head = (await reached.get("/v1/audit", limit="1"))["head"]
    assert before
    tenant.kubectl.run(*IN, "delete", TARGET)
    eventually(lambda: not tenant.pods(), 90, "the pods are gone")
    tenant.kubectl.apply(gateway(stage.upstream))
    tenant.kubectl.wait("condition=Ready", TARGET, TEAM.namespace)

    async with tenant.reached(tenant.ready_pod()) as reached:
        assert {tuple(session) for session in await reached.sessions()} == before
        await _says_more(reached)
    verified = await asyncio.to_thread(cli.run, "audit", "tail", *IN, "--lines", "1", "--head", head)
    assert verified.returncode == 0, verified.stderr


async def _says_more(reached: Reached) -> None:
    body = {"text": "And now?", "senderId": "c0"}
    async with reached.session.post(f"{reached.url}/v1/chat", json=body) as response:
        turn = re.search(r"turn (\d+) \|", (await response.json())["reply"])
    assert turn is not None
    assert int(turn[1]) > 1, "the conversation goes on"
