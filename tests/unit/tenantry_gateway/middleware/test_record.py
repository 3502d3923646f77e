"""The access log: one line a request, with what is needed to find it again and nothing that was said."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import AGENTS, metric, snapshot

Client = TestClient[Any, Any]


def access(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__ for record in caplog.records if record.name == "tenantry_gateway.access"]


async def test_a_line_names_request_caller_route_and_outcome(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        response = await client.post("/v1/chat?note=private", json={"text": "hi"})
        await response.read()

    (line,) = access(caplog)
    assert line["request_id"] == response.headers["request-id"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/chat", 200)
    assert (line["principal"], line["agent"], line["channel"]) == ("token:shared", "main", "api")
    assert line["duration_ms"] >= 0
    assert "private" not in str(line)


async def test_an_error_is_named_by_its_type(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await client.post("/v1/chat", json={"text": "hi", "agentId": "ghost"})

    assert access(caplog)[0]["error"] == "not_found_error"


async def test_probes_are_logged_at_debug_alone(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for path in ("/health", "/ready", "/metrics"):
            await client.get(path)

    assert access(caplog) == []


@pytest.mark.parametrize(("proxies", "address"), [("[127.0.0.0/8]", "198.51.100.7"), ("[10.0.0.0/8]", "127.0.0.1")])
async def test_the_client_is_the_one_behind_trusted_proxies(
    client: Client, state: GatewayState, caplog: pytest.LogCaptureFixture, proxies: str, address: str
) -> None:
    state.snapshot = snapshot(AGENTS + f"gateway: {{trustedProxies: {proxies}}}")
    with caplog.at_level(logging.INFO):
        await client.post("/v1/chat", json={"text": "hi"}, headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.7"})

    assert access(caplog)[0]["client"] == address


async def test_requests_are_counted_by_route_and_none_stays_in_flight(client: Client, state: GatewayState) -> None:
    for path in ("/a", "/b", "/v1/chat"):
        await client.post(path, json={"text": "hi"})

    assert metric(state, "tenantry_gateway_requests_total", route="unknown", code="404") == 2
    assert metric(state, "tenantry_gateway_requests_total", route="/v1/chat", code="200") == 1
    assert int(state.in_flight) == 0


async def test_every_answer_has_a_request_id_of_its_own(client: Client) -> None:
    given = {"request-id": "req_mine"}
    ids = {(await client.get(path, headers=given)).headers["request-id"] for path in ("/health", "/health", "/nope")}

    assert len(ids) == 3
    assert "req_mine" not in ids


async def test_answers_do_not_say_what_they_are_made_with(client: Client) -> None:
    assert (await client.get("/health")).headers["Server"] == "tenantry-gateway"
