"""Probes and metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import error_of, serving, snapshot

Client = TestClient[Any, Any]


async def test_health_needs_no_token_and_no_configuration(state: GatewayState) -> None:
    state.snapshot = None
    async with serving(state, auth={}) as client:
        response = await client.get("/health")

        assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_ready_names_the_configuration_in_force(client: Client, state: GatewayState) -> None:
    response = await client.get("/ready")

    assert state.snapshot is not None
    assert response.status == 200
    expected = {"configHash": state.snapshot.config_hash, "tokenVersion": None}
    assert await response.json() == {"status": "ready", "reason": None, **expected}


async def test_ready_names_the_version_of_the_tokens_in_force_and_no_token(client: Client, state: GatewayState) -> None:
    secrets = {"GATEWAY_TOKEN": "gateway-token-0123456789", "GATEWAY_TOKEN_VERSION": "v7"}
    state.snapshot = snapshot(secrets=secrets)

    body = await (await client.get("/ready")).json()

    assert body["tokenVersion"] == "v7"
    assert "gateway-token" not in json.dumps(body)


async def test_ready_is_503_with_the_reason_while_there_is_no_configuration(
    client: Client, state: GatewayState
) -> None:
    state.snapshot = None
    state.waiting = "variable GATEWAY_TOKEN is missing or empty"

    response = await client.get("/ready")

    assert response.status == 503
    assert await response.json() == {
        "status": "not-ready",
        "reason": state.waiting,
        "configHash": None,
        "tokenVersion": None,
    }


async def test_ready_is_503_while_draining_and_the_connection_ends(client: Client, state: GatewayState) -> None:
    state.draining = True

    response = await client.get("/ready")

    assert response.status == 503
    assert (await response.json())["status"] == "draining"
    assert response.headers["Connection"] == "close"


async def test_without_an_api_key_the_gateway_is_ready_but_degraded(client: Client, state: GatewayState) -> None:
    state.snapshot = snapshot(secrets={"GATEWAY_TOKEN": "gateway-token-0123456789"})

    response = await client.get("/ready")

    assert response.status == 200
    assert (await response.json())["degraded"] == ["ANTHROPIC_API_KEY is missing"]


async def test_an_invalid_configuration_on_disk_is_a_degradation_without_its_text(
    client: Client, state: GatewayState
) -> None:
    state.config_error = "agents.main.modle: unknown key"

    body = await (await client.get("/ready")).json()

    assert body["degraded"] == ["the configuration on disk is not valid; an earlier one is in force"]
    assert "modle" not in json.dumps(body)


async def test_metrics_are_prometheus_text_with_bounded_names(state: GatewayState) -> None:
    async with serving(state) as client:
        await client.post("/v1/chat", json={"text": "hi"})
        await client.get("/no/such/path/12345")
    async with serving(state, auth={}) as client:
        response = await client.get("/metrics")
        text = await response.text()

    families = {family.name for family in text_string_to_metric_families(text)}
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert all(name.startswith(("tenantry_gateway_", "gen_ai_")) for name in families)
    assert {
        "gen_ai_client_token_usage",
        "gen_ai_client_operation_duration_seconds",
        "gen_ai_server_time_to_first_token_seconds",
        "tenantry_gateway_overhead_seconds",
        "tenantry_gateway_requests",
    } <= families
    assert "12345" not in text
    assert 'tenantry_gateway_requests_total{code="404",route="unknown"} 1.0' in text


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "not_found_error"),
        ("GET", "/v1/chat", 405, "invalid_request_error"),
        ("POST", "/health", 405, "invalid_request_error"),
        ("GET", "/%2e%2e/etc/passwd", 404, "not_found_error"),
    ],
)
async def test_paths_and_methods_that_do_not_exist_are_json_errors(
    client: Client, method: str, path: str, status: int, kind: str
) -> None:
    response = await client.request(method, path)

    assert (await error_of(response))[:2] == (status, kind)
    assert response.headers.get("Allow") == {"/v1/chat": "POST", "/health": "GET, HEAD"}.get(path)
