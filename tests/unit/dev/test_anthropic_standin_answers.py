"""The official SDK against the stand-in: plain answers, counting, models, prompt caching, the control channel."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import aiohttp
import anthropic
import pytest

from tests.unit.dev.standin_client import MODEL, WEATHER, arrived, ask, make_client, say, text_of


async def test_the_reply_shows_model_system_prompt_turn_and_last_text(client: anthropic.AsyncAnthropic) -> None:
    message = await ask(client, "hello", "hi", "how are you?", system="You are kind.\nAnd brief.")
    assert text_of(message) == f"[{MODEL}] You are kind. | turn 2 | how are you?"
    assert (message.type, message.role, message.model, message.stop_reason) == (
        "message",
        "assistant",
        MODEL,
        "end_turn",
    )
    assert message.id.startswith("msg_01")
    assert message._request_id is not None
    assert message._request_id.startswith("req_01")


async def test_a_request_without_system_prompt_says_so(client: anthropic.AsyncAnthropic) -> None:
    assert text_of(await ask(client, "hello")) == f"[{MODEL}] (no system) | turn 1 | hello"


async def test_equal_requests_get_equal_replies_and_usage_but_ids_of_their_own(
    client: anthropic.AsyncAnthropic,
) -> None:
    first, second = await ask(client, "same"), await ask(client, "same")
    assert (first.content, first.usage) == (second.content, second.usage)
    assert first.id != second.id


async def test_usage_counts_what_went_in_and_came_out(client: anthropic.AsyncAnthropic) -> None:
    short, long = await ask(client, "short"), await ask(client, "long " * 100)
    assert 0 < short.usage.input_tokens < long.usage.input_tokens
    assert 0 < short.usage.output_tokens < long.usage.output_tokens
    assert short.usage.cache_read_input_tokens == 0
    assert short.usage.service_tier == "standard"


async def test_an_answer_longer_than_max_tokens_is_cut_there(client: anthropic.AsyncAnthropic) -> None:
    message = await ask(client, "a long story", max_tokens=3)
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 3
    assert text_of(message) == f"[{MODEL}]"[:12]


async def test_max_tokens_on_request_cuts_the_answer(client: anthropic.AsyncAnthropic) -> None:
    message = await ask(client, "tell me !max-tokens")
    assert message.stop_reason == "max_tokens"
    assert f"[{MODEL}] (no system) | turn 1 | tell me !max-tokens".startswith(text_of(message))


async def test_a_stop_sequence_ends_the_answer_and_is_named(client: anthropic.AsyncAnthropic) -> None:
    message = await ask(client, "one STOP two", stop_sequences=["NEVER", "STOP"])
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "STOP")
    assert text_of(message).endswith("| one ")


async def test_thinking_comes_first_and_streams_with_its_signature(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(
        model=MODEL, max_tokens=4000, messages=say("think"), thinking={"type": "enabled", "budget_tokens": 2000}
    ) as stream:
        final = await stream.get_final_message()
    thinking, text = final.content
    assert thinking.type == "thinking"
    assert thinking.signature
    assert text.type == "text"


async def test_count_tokens_agrees_with_the_usage_of_the_same_request(client: anthropic.AsyncAnthropic) -> None:
    options: dict[str, Any] = {"system": "You are kind.", "tools": [WEATHER]}
    counted = await client.messages.count_tokens(model=MODEL, messages=say("hello"), **options)
    message = await ask(client, "hello", **options)
    assert counted.input_tokens == message.usage.input_tokens


async def test_models_are_listed_in_pages_and_found_by_id(client: anthropic.AsyncAnthropic) -> None:
    listed = [model.id async for model in client.models.list(limit=3)]
    assert len(listed) == len(set(listed)) > 3
    assert "claude-sonnet-4-20250514" in listed
    found = await client.models.retrieve("claude-sonnet-4-20250514")
    assert (found.type, found.lifecycle, found.line) == ("model", "deprecated", "sonnet")


async def test_an_unknown_model_is_not_found(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        await client.messages.create(model="claude-nope", max_tokens=1, messages=say("hi"))
    assert caught.value.type == "not_found_error"
    assert caught.value.api_message == "model: claude-nope"
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("claude-nope")


async def test_a_claude_model_that_is_not_listed_is_answered(client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.create(model="claude-opus-9-1", max_tokens=100, messages=say("hi"))
    assert text_of(message).startswith("[claude-opus-9-1] ")


async def test_a_cached_prefix_is_written_once_and_then_read(client: anthropic.AsyncAnthropic) -> None:
    system: list[Any] = [
        {"type": "text", "text": "You know this: " + "x" * 8000, "cache_control": {"type": "ephemeral"}}
    ]
    first = (await ask(client, "one", system=system)).usage
    second = (await ask(client, "two", system=system)).usage
    assert first.cache_creation is not None
    written = first.cache_creation_input_tokens
    assert written is not None
    assert written > 1024
    assert first.cache_creation.ephemeral_5m_input_tokens == written
    assert (first.cache_read_input_tokens, second.cache_read_input_tokens) == (0, written)
    assert second.cache_creation_input_tokens == 0
    assert first.input_tokens == second.input_tokens < 100


async def test_a_short_prefix_is_not_cached(client: anthropic.AsyncAnthropic) -> None:
    system: list[Any] = [{"type": "text", "text": "short", "cache_control": {"type": "ephemeral"}}]
    usage = (await ask(client, "one", system=system)).usage
    assert (usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (0, 0)


async def test_streamed_usage_has_the_cache_figures_too(client: anthropic.AsyncAnthropic) -> None:
    system: list[Any] = [
        {"type": "text", "text": "y" * 8000, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    async with client.messages.stream(model=MODEL, max_tokens=99, messages=say("one"), system=system) as stream:
        usage = (await stream.get_final_message()).usage
    assert usage.cache_creation is not None
    assert usage.cache_creation.ephemeral_1h_input_tokens == usage.cache_creation_input_tokens
    assert usage.cache_creation.ephemeral_1h_input_tokens > 1024


async def test_what_arrived_can_be_read_without_the_credential_and_forgotten(standin: str) -> None:
    async with make_client(standin, "aiohttp", api_key="sk-ant-very-secret") as client:
        await ask(client, "remember me")
    (entry,) = await arrived(standin)
    assert (entry["method"], entry["path"]) == ("POST", "/v1/messages")
    assert entry["body"]["messages"] == [{"role": "user", "content": "remember me"}]
    assert entry["headers"]["anthropic-version"] == "2026-10-21"
    assert "very-secret" not in json.dumps(entry)
    async with aiohttp.ClientSession() as session, session.post(f"{standin}/_standin/reset") as response:
        assert response.status == 200
    assert await arrived(standin) == []


async def test_a_client_that_leaves_in_mid_stream_harms_nobody(client: anthropic.AsyncAnthropic) -> None:
    stream = await client.messages.create(
        model=MODEL, max_tokens=1000, messages=say("leave early !chunk-delay 0.01"), stream=True
    )
    await anext(aiter(stream))
    await stream.close()
    answers = await asyncio.gather(*(ask(client, f"still there {number}") for number in range(5)))
    assert [text_of(answer)[-1] for answer in answers] == list("01234")


async def test_it_says_that_it_is_healthy(standin: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        response = await stack.enter_async_context(session.get(f"{standin}/_standin/health"))
        assert response.status == 200
        assert response.headers["request-id"].startswith("req_01")
