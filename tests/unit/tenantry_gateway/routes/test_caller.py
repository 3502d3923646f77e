"""Tokens: which are accepted, and a gateway that has none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import API_KEY, TOKEN, error_of, serving, snapshot

Client = TestClient[Any, Any]


@pytest.fixture
async def anonymous(state: GatewayState) -> AsyncIterator[Client]:
    async with serving(state, auth={}) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}"},
        {"authorization": f"bearer   {TOKEN} "},
        {"x-api-key": TOKEN},
        {"X-Api-Key": TOKEN},
    ],
)
async def test_the_token_is_accepted_as_bearer_or_api_key(anonymous: Client, headers: Mapping[str, str]) -> None:
    assert (await anonymous.post("/v1/chat", json={"text": "hi"}, headers=headers)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": "Bearer wrong", "x-api-key": TOKEN},
        {"x-api-key": ""},
        {"x-api-key": "ümläut"},
        {"x-api-key": API_KEY},
        {"Cookie": f"token={TOKEN}"},
    ],
)
async def test_anything_else_is_401_and_not_repeated(anonymous: Client, headers: Mapping[str, str]) -> None:
    response = await anonymous.post(f"/v1/chat?token={TOKEN}", json={"text": "hi"}, headers=headers)

    status, kind, message = await error_of(response)
    assert (status, kind) == (401, "authentication_error")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in message


async def test_the_previous_token_is_accepted_while_its_secret_exists(anonymous: Client, state: GatewayState) -> None:
    secrets = {"GATEWAY_TOKEN": "new-token-1234", "ANTHROPIC_API_KEY": API_KEY}
    statuses = []
    for more in ({"GATEWAY_TOKEN_PREVIOUS": TOKEN}, {}):
        state.snapshot = snapshot(secrets=secrets | more)
        for token in (TOKEN, "new-token-1234"):
            response = await anonymous.post("/v1/chat", json={"text": "hi"}, headers={"x-api-key": token})
            statuses.append(response.status)

    assert statuses == [200, 200, 401, 200]


async def test_a_previous_token_alone_opens_nothing() -> None:
    assert snapshot(secrets={"GATEWAY_TOKEN_PREVIOUS": TOKEN}).tokens == ()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:18789"}, 200),
        ({"Host": "[::1]:18789", "Origin": "http://localhost:3000"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_gateway_without_a_token_answers_local_programs_but_no_web_page(
    anonymous: Client, state: GatewayState, headers: Mapping[str, str], status: int
) -> None:
    state.snapshot = snapshot(secrets={"ANTHROPIC_API_KEY": API_KEY})

    assert (await anonymous.post("/v1/chat", json={"text": "hi"}, headers=headers)).status == status
