"""Idempotency-Key: done once, whoever asks again, and whenever the process ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tenantry_gateway.errors import KeyReused
from tenantry_gateway.idempotency.keys import SECONDS, Attempt, Claim, Keys
from tenantry_gateway.storage.disk import Disk
from tenantry_gateway.storage.writer import Writer
from tests.unit.tenantry_gateway.harness import (
    EchoModel,
    Nowhere,
    PlayedModel,
    error_of,
    gateway_state,
    serving,
    snapshot,
)

Client = TestClient[Any, Any]
KEY = {"Idempotency-Key": "k-1"}


async def say(client: Client, text: str = "hi", key: dict[str, str] = KEY, **fields: object) -> dict[str, Any]:
    response = await client.post("/v1/chat", json={"text": text, **fields}, headers=key)
    body: dict[str, Any] = await response.json()
    assert response.status == 200, body
    return body


async def test_the_same_request_has_the_same_answer(client: Client, echo: EchoModel) -> None:
    first = await say(client)
    assert await say(client) == first
    assert len(echo.requests) == 1
    assert (await say(client, key={}))["id"] != first["id"]
    assert (await say(client, key={"Idempotency-Key": "k-2"}))["id"] != first["id"]


async def test_a_stream_that_is_asked_for_again_is_a_stream(client: Client) -> None:
    first = await say(client)
    response = await client.post("/v1/chat", json={"text": "hi", "stream": True}, headers=KEY)
    text = await response.text()

    assert 'event: delta\ndata: {"text": "1: hi"}' in text
    assert first["id"] in text


async def test_another_body_is_422(client: Client) -> None:
    await say(client)
    response = await client.post("/v1/chat", json={"text": "other"}, headers=KEY)
    assert (await error_of(response))[:2] == (422, "invalid_request_error")


@pytest.mark.parametrize("key", ["", "with space", "ä", "x" * 256])
async def test_a_key_that_is_none_is_400(client: Client, key: str) -> None:
    response = await client.post("/v1/chat", json={"text": "hi"}, headers={"Idempotency-Key": key})
    assert (await error_of(response))[0] == 400


async def test_two_at_once_are_one(played_client: Client, played: PlayedModel) -> None:
    asking = [asyncio.create_task(say(played_client)) for _ in range(3)]
    (await asyncio.wait_for(played.calls.get(), 10)).finish("one")
    answers = [await one for one in asking]

    assert len({answer["id"] for answer in answers}) == 1
    assert played.calls.empty()


async def test_leaving_does_not_cancel(played_client: Client, played: PlayedModel) -> None:
    asking = asyncio.create_task(say(played_client))
    call = await asyncio.wait_for(played.calls.get(), 10)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    again = asyncio.create_task(say(played_client))
    await asyncio.sleep(0.05)
    assert not call.cancelled
    call.finish("still here")

    assert (await again)["reply"] == "still here"
    assert played.calls.empty()


async def test_what_failed_may_be_tried_again_under_the_same_key(played_client: Client, played: PlayedModel) -> None:
    asking = asyncio.create_task(played_client.post("/v1/chat", json={"text": "hi"}, headers=KEY))
    (await asyncio.wait_for(played.calls.get(), 10)).result.set_exception(RuntimeError("broken"))
    assert (await asking).status == 500
    again = asyncio.create_task(say(played_client))
    (await asyncio.wait_for(played.calls.get(), 10)).finish("now")
    assert (await again)["reply"] == "now"


async def test_keys_outlive_the_process(tmp_path: Path) -> None:
    model = EchoModel()
    async with gateway_state(model, tmp_path) as state, serving(state) as client:
        state.snapshot = snapshot()
        first = await say(client, channel="slack", channelId="C1")
    async with gateway_state(model, tmp_path) as state, serving(state) as client:
        state.snapshot = snapshot()
        assert await say(client, channel="slack", channelId="C1") == first
        response = await client.post("/v1/chat", json={"text": "other"}, headers=KEY)
        assert response.status == 422
    assert len(model.requests) == 1


async def test_a_turn_that_was_not_committed_is_done_by_the_next_process(tmp_path: Path) -> None:
    model = PlayedModel()
    async with gateway_state(model, tmp_path) as state, serving(state) as client:
        state.snapshot = snapshot()
        asking = asyncio.create_task(client.post("/v1/chat", json={"text": "hi"}, headers=KEY))
        (await asyncio.wait_for(model.calls.get(), 10)).result.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    echo = EchoModel()
    async with gateway_state(echo, tmp_path) as state, serving(state) as client:
        state.snapshot = snapshot()
        assert (await say(client))["reply"] == "1: hi"
    assert len(echo.requests) == 1


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_keys_are_forgotten_after_a_day_and_their_files_go(tmp_path: Path) -> None:
    clock = Clock()
    done: list[str] = []

    async def work(claim: Claim[str]) -> str:
        await claim.kept()
        done.append(claim.id)
        return claim.id

    writer = Writer(Nowhere(), Disk())
    keys: Keys[str] = Keys(tmp_path, writer, clock)
    await keys.answer(Attempt.of("ann", "chat", "k", b"1"), "one", {}, work)
    with pytest.raises(KeyReused):
        await keys.answer(Attempt.of("ann", "chat", "k", b"2"), "two", {}, work)
    await keys.answer(Attempt.of("ben", "chat", "k", b"2"), "three", {}, work)
    clock.now += SECONDS + 2 * 3600
    assert (await keys.answer(Attempt.of("ann", "chat", "k", b"2"), "four", {}, work))[0] == "four"
    await asyncio.gather(*keys._removing)
    await writer.close()

    assert done == ["one", "three", "four"]
    assert len(list((tmp_path / "idempotency").iterdir())) == 1
