"""The official SDK against the stand-in, in every mode of the API, with both of its HTTP clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anthropic
import pytest
from anthropic.types import Message, MessageParam, ToolParam, ToolUseBlock

from dev.anthropic_standin.server import running_standin

MODEL = "claude-sonnet-4-5-20250929"
pytestmark = pytest.mark.filterwarnings(f"ignore:The model '{MODEL}' is deprecated:DeprecationWarning")

WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
async def standin() -> AsyncIterator[str]:
    async with running_standin() as url:
        yield url


def make_client(url: str, transport: str, **options: Any) -> anthropic.AsyncAnthropic:
    options.setdefault("api_key", "sk-ant-test")
    options.setdefault("max_retries", 0)
    if transport == "aiohttp":
        options["http_client"] = anthropic.DefaultAioHttpClient()
    return anthropic.AsyncAnthropic(base_url=url, **options)


@pytest.fixture(params=["httpx", "aiohttp"])
async def client(standin: str, request: pytest.FixtureRequest) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with make_client(standin, request.param) as made:
        yield made


def say(*texts: str) -> list[MessageParam]:
    """Alternating turns that begin and end with the user's."""
    turns: list[MessageParam] = []
    for index, text in enumerate(texts):
        turns.append({"role": "user", "content": text} if index % 2 == 0 else {"role": "assistant", "content": text})
    return turns


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def ask(client: anthropic.AsyncAnthropic, *texts: str, **options: Any) -> Message:
    options.setdefault("max_tokens", 1000)
    answer = await client.messages.create(model=MODEL, messages=say(*texts), **options)
    assert isinstance(answer, Message)
    return answer


async def arrived(url: str) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/_standin/requests") as response:
        return list((await response.json())["requests"])


# --- plain answers ----------------------------------------------------------------------------------------------------


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


# --- streaming --------------------------------------------------------------------------------------------------------


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


async def test_chunk_delay_spreads_a_stream_out(client: anthropic.AsyncAnthropic) -> None:
    started = time.monotonic()
    async with client.messages.stream(model=MODEL, max_tokens=1000, messages=say("slowly !chunk-delay 0.02")) as stream:
        arrivals = [time.monotonic() async for _ in stream.text_stream]
    assert arrivals[-1] - started >= 0.02 * len(arrivals)
    assert arrivals[0] < arrivals[-1]


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


# --- tools ------------------------------------------------------------------------------------------------------------


async def test_a_tool_loop_runs_to_its_answer(client: anthropic.AsyncAnthropic) -> None:
    messages = say('what about rain? !tool get_weather {"city": "Bern"}')
    asked = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    assert asked.stop_reason == "tool_use"
    (call,) = (block for block in asked.content if isinstance(block, ToolUseBlock))
    assert (call.name, call.input) == ("get_weather", {"city": "Bern"})
    assert call.id.startswith("toolu_01")
    messages += [
        {"role": "assistant", "content": asked.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "3 degrees, rain"}]},
    ]
    done = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    assert done.stop_reason == "end_turn"
    assert text_of(done) == f"[{MODEL}] (no system) | turn 1 | get_weather returned 3 degrees, rain"


async def test_a_streamed_tool_call_brings_its_input_in_pieces(client: anthropic.AsyncAnthropic) -> None:
    arguments = {"city": "Bern", "days": [1, 2, 3], "note": 'quoted "text" and ünïcode'}
    partial: list[str] = []
    async with client.messages.stream(
        model=MODEL,
        max_tokens=1000,
        messages=say(f"!tool get_weather {json.dumps(arguments)}"),
        tools=[WEATHER],
    ) as stream:
        partial += [event.partial_json async for event in stream if event.type == "input_json"]
        final = await stream.get_final_message()
    assert len(partial) > 2
    assert json.loads("".join(partial)) == arguments
    assert final.stop_reason == "tool_use"
    assert [block.input for block in final.content if isinstance(block, ToolUseBlock)] == [arguments]


async def test_several_tools_are_called_in_parallel_unless_forbidden(client: anthropic.AsyncAnthropic) -> None:
    text = '!tool get_weather {"city": "Bern"} !tool get_weather {"city": "Rome"}'
    both = await ask(client, text, tools=[WEATHER])
    one = await ask(client, text, tools=[WEATHER], tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    count = [sum(block.type == "tool_use" for block in message.content) for message in (both, one)]
    assert count == [2, 1]


async def test_a_tool_loop_on_request_calls_again_after_every_result(client: anthropic.AsyncAnthropic) -> None:
    messages = say("!tool-loop get_weather {}")
    for _ in range(3):
        asked = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
        (call,) = (block for block in asked.content if isinstance(block, ToolUseBlock))
        messages += [
            {"role": "assistant", "content": asked.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]},
        ]


async def test_tool_choice_forces_or_forbids_a_call(client: anthropic.AsyncAnthropic) -> None:
    forced = await ask(client, "hello", tools=[WEATHER], tool_choice={"type": "tool", "name": "get_weather"})
    some = await ask(client, "hello", tools=[WEATHER], tool_choice={"type": "any"})
    none = await ask(client, "!tool get_weather {}", tools=[WEATHER], tool_choice={"type": "none"})
    assert [message.stop_reason for message in (forced, some, none)] == ["tool_use", "tool_use", "end_turn"]


async def test_a_tool_that_the_request_does_not_offer_is_not_called(client: anthropic.AsyncAnthropic) -> None:
    message = await ask(client, "!tool rm_rf {}", tools=[WEATHER])
    assert message.stop_reason == "end_turn"


async def test_a_failed_tool_is_told_from_one_that_answered(client: anthropic.AsyncAnthropic) -> None:
    messages = say("!tool get_weather {}")
    asked = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    call = asked.content[-1]
    assert isinstance(call, ToolUseBlock)
    messages += [
        {"role": "assistant", "content": asked.content},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": call.id,
                    "is_error": True,
                    "content": [{"type": "text", "text": "no such city"}],
                }
            ],
        },
    ]
    done = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    assert text_of(done).endswith("get_weather failed with no such city")


# --- thinking ---------------------------------------------------------------------------------------------------------


async def test_thinking_comes_first_and_streams_with_its_signature(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(
        model=MODEL, max_tokens=4000, messages=say("think"), thinking={"type": "enabled", "budget_tokens": 2000}
    ) as stream:
        final = await stream.get_final_message()
    thinking, text = final.content
    assert thinking.type == "thinking"
    assert thinking.signature
    assert text.type == "text"


# --- counting and models ----------------------------------------------------------------------------------------------


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


# --- errors -----------------------------------------------------------------------------------------------------------

ERRORS: list[tuple[int, type[anthropic.APIStatusError], str]] = [
    (400, anthropic.BadRequestError, "invalid_request_error"),
    (401, anthropic.AuthenticationError, "authentication_error"),
    (403, anthropic.PermissionDeniedError, "permission_error"),
    (404, anthropic.NotFoundError, "not_found_error"),
    (413, anthropic.APIStatusError, "request_too_large"),
    (429, anthropic.RateLimitError, "rate_limit_error"),
    (500, anthropic.InternalServerError, "api_error"),
    (504, anthropic.APIStatusError, "timeout_error"),
    (529, anthropic.APIStatusError, "overloaded_error"),
]


@pytest.mark.parametrize(("status", "kind", "name"), ERRORS)
async def test_each_error_on_request_is_the_sdks_exception_with_a_request_id(
    client: anthropic.AsyncAnthropic, status: int, kind: type[anthropic.APIStatusError], name: str
) -> None:
    with pytest.raises(kind) as caught:
        await ask(client, f"!error {status}")
    error = caught.value
    assert (error.status_code, error.type) == (status, name)
    assert isinstance(error.body, dict)
    assert error.request_id == error.body["request_id"]
    assert error.response.headers.get("retry-after") == ("1" if status == 429 else None)


@pytest.mark.parametrize("status", [429, 500, 529])
async def test_an_error_is_an_error_before_a_stream_begins_too(client: anthropic.AsyncAnthropic, status: int) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(model=MODEL, max_tokens=10, messages=say(f"!error {status}"), stream=True)
    assert caught.value.status_code == status


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_the_sdk_honours_retry_after_and_succeeds_at_last(standin: str, transport: str) -> None:
    async with make_client(standin, transport, max_retries=2) as client:
        started = time.monotonic()
        message = await ask(client, "!error 429 retry-after=0.4 times=2")
        waited = time.monotonic() - started
    assert message.stop_reason == "end_turn"
    assert waited >= 0.8
    assert len(await arrived(standin)) == 3


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_a_delay_beyond_the_clients_timeout_is_a_timeout(standin: str, transport: str) -> None:
    async with make_client(standin, transport, timeout=0.2) as client:
        with pytest.raises(anthropic.APITimeoutError):
            await ask(client, "!delay 30")


async def test_a_delay_within_the_timeout_is_waited_for(client: anthropic.AsyncAnthropic) -> None:
    started = time.monotonic()
    await ask(client, "!delay 0.2")
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize(
    ("credential", "message"),
    [
        # The SDK sends a key as a bearer token.
        ({"api_key": "wrong"}, "Invalid bearer token"),
        ({"api_key": None, "auth_token": "wrong"}, "Invalid bearer token"),
        ({"default_headers": {"x-api-key": "wrong"}}, "invalid x-api-key"),
    ],
)
async def test_a_wrong_credential_is_refused(
    standin: str, transport: str, credential: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    async with make_client(standin, transport, **credential) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            await ask(client, "hi")
    assert caught.value.api_message == message


async def test_a_bearer_token_is_as_good_as_a_key(standin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    async with make_client(standin, "httpx", api_key=None, auth_token="sk-ant-oat01-x") as client:
        assert text_of(await ask(client, "hi")).endswith("| hi")


# --- prompt caching ---------------------------------------------------------------------------------------------------


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


# --- the control channel ----------------------------------------------------------------------------------------------


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
