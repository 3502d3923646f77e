"""`/v1/audit` and `/v1/reload`, and what the audit log holds: all that happened, and nothing that was said."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tenantry_gateway.audit.files import CURRENT, verify
from tenantry_gateway.logs import Redactor
from tenantry_gateway.reload import Reloader
from tenantry_gateway.settings import read_settings
from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import (
    AGENTS,
    AUDIT_KEY,
    TOKEN,
    EchoModel,
    error_of,
    gateway_state,
    serving,
    snapshot,
)
from tests.unit.tenantry_gateway.storage.faulty_disk import FaultyDisk

Client = TestClient[Any, Any]
ADMIN = AGENTS + 'rbac: {enabled: true, assignments: {"token:shared": admin}}\n'


async def audit(client: Client, **query: str | int) -> dict[str, Any]:
    response = await client.get("/v1/audit", params=query)
    body: dict[str, Any] = await response.json()
    assert response.status == 200, body
    return body


@pytest.fixture
def admin(client: Client, state: GatewayState) -> Client:
    state.snapshot = snapshot(ADMIN)
    return client


async def test_only_admins_read_it(client: Client, admin: Client, state: GatewayState) -> None:
    assert (await admin.get("/v1/audit")).status == 200
    state.snapshot = snapshot(AGENTS)
    for method, path in (("GET", "/v1/audit"), ("POST", "/v1/reload")):
        assert (await error_of(await client.request(method, path)))[:2] == (403, "permission_error")


async def test_a_message_is_audited_without_its_words(admin: Client) -> None:
    await admin.post("/v1/chat", json={"text": "the secret plan", "channel": "slack", "channelId": "C1"})
    found = await audit(admin)

    event = found["data"][-1]
    assert (event["type"], event["outcome"], event["actor"]) == ("agent.message", "success", "token:shared")
    assert event["session"] == "agent:main:slack:%431"
    assert event["requestId"].startswith("req_")
    assert "secret plan" not in json.dumps(found)
    assert TOKEN not in json.dumps(found)


async def test_pages_go_back(admin: Client) -> None:
    for number in range(7):
        await admin.post("/v1/chat", json={"text": str(number)})
    newest = (await audit(admin, limit=3))["data"]
    older = (await audit(admin, limit=3, before=newest[0]["n"]))["data"]

    numbers = [event["n"] for event in (*older, *newest)]
    assert numbers == list(range(numbers[0], numbers[0] + 6))


async def test_the_whole_log_is_checked_when_asked(admin: Client, state: GatewayState) -> None:
    for number in range(4):
        await admin.post("/v1/chat", json={"text": str(number)})
    head = (await audit(admin))["head"]
    assert (await audit(admin, verify="true", head=head))["verification"]["ok"] is True
    path = state.directory.path / CURRENT
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))

    found = (await audit(admin, verify="true"))["verification"]
    assert found["ok"] is False
    assert "audit.jsonl line 2" in found["fault"]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"before": "-1"}, {"verify": "yes"}, {"tail": "3"}])
async def test_parameters_that_are_none_are_400(admin: Client, query: dict[str, str]) -> None:
    assert (await error_of(await admin.get("/v1/audit", params=query)))[0] == 400


async def test_refusals_are_counted(client: Client, state: GatewayState) -> None:
    for _ in range(5):
        await client.post("/v1/chat", json={"text": "hi"}, headers={"Authorization": "Bearer wrong"})
    for _ in range(2):
        await client.post("/v1/chat", json={"text": "hi", "agentId": "devops"})

    events = {(event.type, event.target, event.actor): event.count for event in state.tally.take()}
    assert events == {("auth.failure", "/v1/chat", None): 5, ("rbac.denied", "/v1/chat", "token:shared"): 2}
    assert state.tally.take() == []


async def test_reload_puts_a_changed_configuration_into_force_and_refuses_a_bad_one(
    admin: Client, state: GatewayState, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(ADMIN)
    settings = read_settings({"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": "k"}, tmp_path, config=path)
    await Reloader(settings, state, Redactor()).start()
    assert (await (await admin.post("/v1/reload")).json())["changed"] is False
    path.write_text(ADMIN.replace("You are main", "You are changed"))
    assert (await (await admin.post("/v1/reload")).json())["changed"] is True
    path.write_text(ADMIN.replace("agents:", "agent:"))
    status, kind, message = await error_of(await admin.post("/v1/reload"))

    assert (status, kind) == (400, "invalid_request_error")
    assert 'did you mean "agents"' in message
    await state.directory.writer.write(())
    changes = [event for event in (await audit(admin))["data"] if event["type"] == "config.change"]
    assert [event["outcome"] for event in changes] == ["success", "success", "failure"]


@pytest.mark.parametrize(
    ("call", "code", "reason"),
    [
        ("write", errno.ENOSPC, "No space left on device"),
        ("write", errno.EROFS, "Read-only file system"),
        ("sync", errno.EIO, "Input/output error"),
    ],
)
async def test_while_nothing_can_be_written_nothing_is_done_and_the_model_is_not_asked(
    tmp_path: Path, call: str, code: int, reason: str
) -> None:
    disk, model = FaultyDisk(), EchoModel()
    async with gateway_state(model, tmp_path, disk=disk) as state, serving(state) as client:
        state.snapshot = snapshot()
        assert (await client.post("/v1/chat", json={"text": "one"})).status == 200
        disk.fails[call] = [code] * 1000
        failed = await error_of(await client.post("/v1/chat", json={"text": "two"}))
        asked = len(model.requests)
        response = await client.post("/v1/chat", json={"text": "three"})
        refused = await error_of(response)
        relayed = await error_of(await client.post("/v1/messages", json={"model": "m"}))
        ready = await client.get("/ready")
        assert (ready.status, (await ready.json())["reason"]) == (
            503,
            f"the state directory cannot be written: {reason}",
        )
        disk.fails.clear()
        await state.directory.writer.try_again((), tmp_path / "scratch")
        assert (await client.get("/ready")).status == 200
        body = await (await client.post("/v1/chat", json={"text": "four"})).json()

    assert failed[0] == refused[0] == relayed[0] == 503
    assert reason in refused[2]
    assert response.headers["Retry-After"] == "5"
    assert asked == 2
    assert len(model.requests) == 3
    assert body["reply"] == "3: four", "what was not acknowledged is not in the session"
    assert verify(state.directory.path, AUDIT_KEY.encode()).fault is None
