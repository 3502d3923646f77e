"""`/v1/sessions`: listed page by page, read and deleted by those who may."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tenantry_gateway.sessions.catalog import session_id_of, walk
from tenantry_gateway.sessions.paths import session_path
from tenantry_gateway.sessions.transcript import SessionId, Turn
from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import AGENTS, error_of, snapshot

Client = TestClient[Any, Any]
ROLE = AGENTS + 'rbac: {enabled: true, assignments: {"token:shared": %s}}\n'


async def say(client: Client, text: str, **fields: str) -> dict[str, Any]:
    response = await client.post("/v1/chat", json={"text": text, **fields})
    body: dict[str, Any] = await response.json()
    assert response.status == 200, body
    return body


async def listed(client: Client, **query: str) -> dict[str, Any]:
    response = await client.get("/v1/sessions", params=query)
    body: dict[str, Any] = await response.json()
    assert response.status == 200, body
    return body


async def of_another(state: GatewayState) -> str:
    """A session that another principal began; its id."""
    session = SessionId("main", None, "verified", "agent:main:api:eve")
    await state.store.commit(session, Turn("user", "mine", "ok", "chat_1", "eve"), expected=0, epoch=1)
    return session_id_of(session_path(session))


async def test_a_session_is_listed_and_read_with_the_newest_turn_first(client: Client) -> None:
    answers = [await say(client, text, senderId="ann") for text in ("one", "two", "three")]
    (found,) = (await listed(client))["data"]
    read = await (await client.get(f"/v1/sessions/{found['id']}", params={"limit": "2"})).json()
    older = await (await client.get(f"/v1/sessions/{found['id']}", params={"before": "2"})).json()

    assert found["sessionKey"] == answers[0]["sessionKey"]
    assert (found["agentId"], found["owner"], found["provenance"]) == ("main", "token:shared", "claimed")
    assert [turn["message"] for turn in read["turns"]] == ["three", "two"]
    assert read["turns"][0]["reply"] == answers[2]["reply"]
    assert read["turns"][0]["id"] == answers[2]["id"]
    assert read["hasMore"] is True
    assert [turn["number"] for turn in older["turns"]] == [1]
    assert older["hasMore"] is False


async def test_pages_have_each_session_once_also_when_the_last_one_of_a_page_is_deleted(client: Client) -> None:
    for number in range(7):
        await say(client, "hi", senderId=f"user-{number}")
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = await listed(client, limit="2", **after)
        found += [one["sessionKey"] for one in page["data"]]
        if not page["hasMore"]:
            break
        assert (await client.delete(f"/v1/sessions/{page['lastId']}")).status == 200
        after = {"after": page["lastId"]}

    assert sorted(found) == [f"agent:main:api:user-{number}" for number in range(7)]
    assert len((await listed(client))["data"]) == 4


async def test_a_deleted_session_is_gone_and_begins_anew(client: Client) -> None:
    await say(client, "one", senderId="ann")
    (found,) = (await listed(client))["data"]
    response = await client.delete(f"/v1/sessions/{found['id']}")

    assert await response.json() == {"id": found["id"], "deleted": True}
    assert (await client.get(f"/v1/sessions/{found['id']}")).status == 404
    assert (await say(client, "two", senderId="ann"))["reply"] == "1: two"


@pytest.mark.parametrize(("role", "visible"), [("viewer", False), ("user", False), ("operator", True), ("admin", True)])
async def test_sessions_of_others_are_for_operators(
    client: Client, state: GatewayState, role: str, visible: bool
) -> None:
    session = await of_another(state)
    state.snapshot = snapshot(ROLE % role)

    assert len((await listed(client))["data"]) == int(visible)
    response = await client.get(f"/v1/sessions/{session}")
    assert response.status == (200 if visible else 404)
    assert (await client.delete(f"/v1/sessions/{session}")).status == (200 if visible else 404)
    assert len(list(walk(state.directory.path))) == int(not visible)


async def test_a_viewer_deletes_nothing(client: Client, state: GatewayState) -> None:
    await say(client, "mine")
    state.snapshot = snapshot(ROLE % "viewer")
    (found,) = (await listed(client))["data"]

    assert (await error_of(await client.delete(f"/v1/sessions/{found['id']}")))[:2] == (403, "permission_error")


@pytest.mark.parametrize("made_up", ["Li4vLi4vc2VjcmV0", "L2V0Yy9wYXNzd2Q", "%00", "x", "=", "Y29uZmlnLnlhbWw"])
async def test_an_id_that_was_made_up_is_404(client: Client, made_up: str) -> None:
    assert (await error_of(await client.get(f"/v1/sessions/{made_up}")))[:2] == (404, "not_found_error")


async def test_an_ephemeral_session_is_in_no_file(client: Client, state: GatewayState) -> None:
    state.snapshot = snapshot("agents: {main: {model: m, session: {mode: ephemeral}}}")

    assert [(await say(client, text))["reply"] for text in ("one", "two")] == ["1: one", "3: two"]
    assert (await listed(client))["data"] == []


async def test_a_route_is_explained(client: Client, state: GatewayState) -> None:
    bindings = "bindings: [{channel: slack, agentId: devops}, {channel: sms, senderId: ann, agentId: main}]\n"
    state.snapshot = snapshot(AGENTS + bindings)
    found = await (await client.get("/v1/route", params={"channel": "slack", "channelId": "c1"})).json()
    answered = await say(client, "hi", channel="slack", channelId="c1")

    assert (found["agentId"], found["binding"], found["sessionKey"]) == ("devops", 0, answered["sessionKey"])
    assert [one["binding"] for one in found["matching"]] == ["bindings[0]"]
    assert found["notMatching"][0]["because"] == "channel is 'slack', not 'sms'; senderId is 'token:shared', not 'ann'"
    assert (await error_of(await client.get("/v1/route", params={"chanel": "x"})))[0] == 400
    assert (await error_of(await client.get("/v1/route", params={"agentId": "nobody"})))[0] == 404
