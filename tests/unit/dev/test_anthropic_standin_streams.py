"""The official SDK against the stand-in: streams and what breaks them."""

from __future__ import annotations

import json

import aiohttp
import anthropic
import pytest

from dev.anthropic_standin.server import running_standin
from dev.anthropic_standin.state import State
from tests.unit.dev.standin_client import MODEL, Naps, ask, make_client, say, text_of


async def test_the_stream_helper_collects_the_same_message_as_a_plain_call(client: anthropic.AsyncAnthropic) -> None:
    plain = await ask(client, "hello there")
    async with client.messages.stream(model=MODEL, max_tokens=1000, messages=say("hello there")) as stream:
        pieces = [piece async for piece in stream.text_stream]
        final = await stream.get_final_message()
        assert stream.request_id is not None
        assert stream.request_id.startswith("req_01")
    assert len(pieces) > 3
    assert "".join(pieces) == text_of(plain)
    assert final.stop_reason == plain.stop_reason
    assert text_of(final) == text_of(plain)
    assert final.usage == plain.usage


async def test_the_raw_stream_has_the_real_event_sequence(client: anthropic.AsyncAnthropic) -> None:
    stream = await client.messages.create(model=MODEL, max_tokens=1000, messages=say("hello"), stream=True)
    kinds = [event.type async for event in stream]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_on_the_wire_a_ping_follows_the_first_block_and_every_event_is_named(standin: str) -> None:
    body = {"model": MODEL, "max_tokens": 50, "messages": say("hi"), "stream": True}
    headers = {"x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{standin}/v1/messages", json=body, headers=headers) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["request-id"].startswith("req_01")
        wire = (await response.read()).decode()
    events = [block.split("\n") for block in wire.strip().split("\n\n")]
    names = [lines[0].removeprefix("event: ") for lines in events]
    data = [json.loads(lines[1].removeprefix("data: ")) for lines in events]
    assert [event["type"] for event in data] == names
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert data[0]["message"]["content"] == []
    assert data[0]["message"]["stop_reason"] is None
    assert data[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert data[-2]["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_chunk_delay_pauses_before_each_piece_of_a_stream(transport: str) -> None:
    naps = Naps()
    async with running_standin(State(sleep=naps)) as url, make_client(url, transport) as client:
        messages = say("slowly !chunk-delay 0.02")
        async with client.messages.stream(model=MODEL, max_tokens=1000, messages=messages) as stream:
            pieces = [piece async for piece in stream.text_stream]
    assert len(pieces) > 1
    assert [nap for nap in naps.asked if nap] == [0.02] * len(pieces)


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_an_error_in_mid_stream_is_raised_after_the_first_pieces(standin: str, transport: str) -> None:
    pieces: list[str] = []
    seen = pieces.append

    async def consume(client: anthropic.AsyncAnthropic) -> None:
        async with client.messages.stream(
            model=MODEL, max_tokens=1000, messages=say("some words to say !error-mid-stream")
        ) as stream:
            async for piece in stream.text_stream:
                seen(piece)

    async with make_client(standin, transport) as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await consume(client)
    assert pieces
    assert "!error-mid-stream" not in "".join(pieces)
    assert caught.value.type == "overloaded_error"
    assert caught.value.request_id is not None


async def test_without_streaming_an_error_in_mid_stream_is_an_overload(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        await ask(client, "!error-mid-stream")
    assert caught.value.status_code == 529


async def test_a_dropped_stream_fails_and_does_not_look_complete(client: anthropic.AsyncAnthropic) -> None:
    async def consume() -> None:
        stream = await client.messages.create(
            model=MODEL, max_tokens=1000, messages=say("words before it drops !disconnect"), stream=True
        )
        seen = [event.type async for event in stream]
        assert "message_stop" not in seen
        raise ConnectionError("the transport ended the stream without an error")

    with pytest.raises(Exception, match=r"peer closed|without an error|incomplete|[Cc]onnection|payload"):
        await consume()


async def test_a_dropped_plain_answer_is_a_connection_error(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIConnectionError):
        await ask(client, "!disconnect")
