"""The stand-in refuses what the real API refuses, with its words. Raw HTTP, as the SDK would not send most of it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dev.anthropic_standin.server import create_app

HEADERS = {"x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
USER = {"role": "user", "content": "hi"}
TOOL = {"name": "look", "input_schema": {"type": "object"}}
CALL: dict[str, Any] = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}],
}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "seen"}
PNG = "iVBORw0KGgo="
Client = TestClient[Any, Any]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(create_app())) as made:
        yield made


def body(**changes: Any) -> dict[str, Any]:
    """A valid body with fields replaced; `...` removes one."""
    made = {"model": "claude-sonnet-4-5", "max_tokens": 1024, "messages": [USER], **changes}
    return {name: value for name, value in made.items() if value is not ...}


def block(**fields: Any) -> dict[str, Any]:
    """A body whose only message has this one block."""
    return body(messages=[{"role": "user", "content": [fields]}])


async def refusal(client: Client, sent: Any, path: str = "/v1/messages", version: str = "2023-06-01") -> str:
    async with client.post(path, json=sent, headers={**HEADERS, "anthropic-version": version}) as response:
        answer = await response.json()
        assert response.status == 400, answer
        assert answer["type"] == "error"
        assert answer["error"]["type"] == "invalid_request_error"
        assert answer["request_id"] == response.headers["request-id"]
        return str(answer["error"]["message"])


async def accept(client: Client, sent: Any, path: str = "/v1/messages", version: str = "2023-06-01") -> dict[str, Any]:
    async with client.post(path, json=sent, headers={**HEADERS, "anthropic-version": version}) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer


SHAPES: list[tuple[Any, str]] = [
    ([], "Input should be a valid dictionary or instance of MessagesRequest"),
    (body(model=...), "model: Field required"),
    (body(max_tokens=...), "max_tokens: Field required"),
    (body(max_tokens=0), "max_tokens: Input should be greater than or equal to 1"),
    (body(max_tokens="1"), "max_tokens: Input should be a valid integer"),
    (body(messages=...), "messages: Field required"),
    (body(messages="hi"), "messages: Input should be a valid list"),
    (body(messages=[{"role": "user"}]), "messages.0.content: Field required"),
    (body(messages=[{"content": "hi"}]), "messages.0.role: Field required"),
    (body(messages=[USER | {"role": "tool"}]), "messages.0.role: Input should be 'user', 'assistant' or 'system'"),
    (body(messages=[USER | {"name": "x"}]), "messages.0.name: Extra inputs are not permitted"),
    (body(messages=[USER | {"content": 3}]), "messages.0.content: Input should be a valid list"),
    (body(extra_field=1), "extra_field: Extra inputs are not permitted"),
    (body(stream="yes"), "stream: Input should be a valid boolean"),
    (body(system=3), "system: Input should be a valid list"),
    (body(system=[{"type": "image"}]), "system.0.type: Input should be 'text'"),
    (body(metadata={"user": "x"}), "metadata.user: Extra inputs are not permitted"),
    (body(top_p=1.5), "top_p: Input should be less than or equal to 1"),
    (body(temperature="hot"), "temperature: Input should be a valid number"),
    (body(stop_sequences="x"), "stop_sequences: Input should be a valid list"),
    (block(type="text"), "messages.0.content.0.text.text: Field required"),
    (block(type="text", text="x", bold=True), "messages.0.content.0.text.bold: Extra inputs are not permitted"),
    (block(text="x"), "messages.0.content.0: Unable to extract tag using discriminator 'type'"),
    (
        block(type="image", source={"type": "base64", "media_type": "image/bmp", "data": PNG}),
        "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' "
        "or 'image/webp'",
    ),
    (
        block(type="image", source={"type": "base64", "media_type": "image/png", "data": "%%%"}),
        "messages.0.content.0.image.source.base64.data: invalid base64 data",
    ),
    (
        block(type="document", source={"type": "base64", "media_type": "text/html", "data": PNG}),
        "messages.0.content.0.document.source.base64.media_type: Input should be 'application/pdf'",
    ),
    (
        block(type="text", text="x", cache_control={"type": "forever"}),
        "messages.0.content.0.text.cache_control.type: Input should be 'ephemeral'",
    ),
    (body(tools=[{"name": "look"}]), "tools.0.custom.input_schema: Field required"),
    (body(tools=[TOOL | {"name": "a b"}]), "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"),
    (body(tools=[TOOL | {"input_schema": {}}]), "tools.0.custom.input_schema.type: Field required"),
    (body(thinking={"type": "enabled"}), "thinking.enabled.budget_tokens: Field required"),
    (
        body(thinking={"type": "enabled", "budget_tokens": 10}),
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
]


@pytest.mark.parametrize(("sent", "message"), SHAPES, ids=[message for _, message in SHAPES])
async def test_a_body_of_the_wrong_shape_is_refused_by_path(client: Client, sent: Any, message: str) -> None:
    assert await refusal(client, sent) == message


ASSISTANT = {"role": "assistant", "content": "hello"}
RULES: list[tuple[dict[str, Any], str]] = [
    (body(messages=[]), "messages: at least one message is required"),
    (body(messages=[ASSISTANT, USER]), 'messages: first message must use the "user" role'),
    (body(messages=[USER | {"role": "system"}, USER]), 'messages: Unexpected role "system"'),
    (body(messages=[USER | {"content": ""}]), "messages.0: user messages must have non-empty content"),
    (body(messages=[USER | {"content": []}]), "messages.0: user messages must have non-empty content"),
    (body(messages=[USER | {"content": " \n"}]), "messages: text content blocks must contain non-whitespace text"),
    (block(type="text", text=""), "messages: text content blocks must be non-empty"),
    (body(system=[{"type": "text", "text": ""}]), "system: text content blocks must be non-empty"),
    (
        body(messages=[USER, ASSISTANT | {"content": ""}, USER]),
        "messages.1: all messages must have non-empty content except for the optional final assistant message",
    ),
    (
        body(messages=[USER, ASSISTANT | {"content": "well "}]),
        "messages: final assistant content cannot end with trailing whitespace",
    ),
    (
        body(model="claude-opus-5", messages=[USER, ASSISTANT]),
        "This model does not support assistant message prefill.",
    ),
    (body(max_tokens=64_001), "max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for"),
    (body(temperature=1.2), "temperature: range: 0..1"),
    (body(temperature=-0.1), "temperature: range: 0..1"),
    (body(model="claude-opus-5", temperature=0.5), "`temperature` is deprecated for this model."),
    (body(stop_sequences=["\n"]), "stop_sequences: each stop sequence must contain non-whitespace"),
    (body(tools=[TOOL, TOOL]), "tools: Tool names must be unique."),
    (body(tool_choice={"type": "auto"}), "tool_choice: may only be specified while providing tools."),
    (body(tools=[TOOL], tool_choice={"type": "tool", "name": "x"}), "Tool 'x' not found in provided tools"),
    (body(tools=[TOOL | {"type": "magic"}]), "tools.0: Input tag found using 'type' does not match"),
    (
        body(messages=[USER, CALL, {"role": "user", "content": [RESULT]}]),
        "Requests which include `tool_use` or `tool_result` blocks must define tools.",
    ),
    (
        body(max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 2000}),
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    (
        body(max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 2000}, temperature=0),
        "`temperature` may only be set to 1 when thinking is enabled",
    ),
    (
        body(
            max_tokens=4000,
            thinking={"type": "enabled", "budget_tokens": 2000},
            tools=[TOOL],
            tool_choice={"type": "any"},
        ),
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    (
        body(
            max_tokens=4000,
            thinking={"type": "enabled", "budget_tokens": 2000},
            tools=[TOOL],
            messages=[USER, CALL, {"role": "user", "content": [RESULT]}],
        ),
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
    ),
    (
        body(
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5}
            ]
        ),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
]


@pytest.mark.parametrize(("sent", "message"), RULES, ids=[message for _, message in RULES])
async def test_a_conversation_that_breaks_a_rule_is_refused(client: Client, sent: Any, message: str) -> None:
    assert (await refusal(client, sent)).startswith(message)


OTHER = RESULT | {"tool_use_id": "toolu_2"}
TEXT = {"type": "text", "text": "and?"}
PAIRS: list[tuple[list[Any], str]] = [
    ([USER, CALL], "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1."),
    ([USER, CALL, USER], "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after"),
    (
        [USER, CALL, {"role": "user", "content": [TEXT, RESULT]}],
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
    ),
    (
        [USER, CALL, {"role": "user", "content": [RESULT, OTHER]}],
        "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: toolu_2.",
    ),
    (
        [{"role": "user", "content": [RESULT]}],
        "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1.",
    ),
    (
        [USER, CALL, {"role": "user", "content": [RESULT, RESULT]}],
        "messages.2.content.1: each tool_use must have a single result.",
    ),
    (
        [USER, {"role": "assistant", "content": CALL["content"] * 2}, {"role": "user", "content": [RESULT]}],
        "messages.1.content.1: `tool_use` ids must be unique",
    ),
    ([{"role": "user", "content": CALL["content"]}], "messages.0: `tool_use` blocks can only be in `assistant`"),
    ([USER, {"role": "assistant", "content": [RESULT]}], "messages.1: `tool_result` blocks can only be in `user`"),
    (
        [USER, CALL, {"role": "user", "content": [RESULT | {"content": "", "is_error": True}]}],
        "messages.2.content.0.tool_result: content cannot be empty if `is_error` is true",
    ),
]


@pytest.mark.parametrize(("messages", "message"), PAIRS, ids=[message for _, message in PAIRS])
async def test_tool_calls_and_their_results_must_pair_up(client: Client, messages: Any, message: str) -> None:
    assert (await refusal(client, body(messages=messages, tools=[TOOL]))).startswith(message)
    counted = body(messages=messages, tools=[TOOL], max_tokens=...)
    assert (await refusal(client, counted, "/v1/messages/count_tokens")).startswith(message)


GOOD: list[dict[str, Any]] = [
    body(messages=[USER, CALL, {"role": "user", "content": [RESULT, TEXT]}], tools=[TOOL]),
    body(messages=[USER, CALL, {"role": "user", "content": [RESULT | {"content": ""}]}], tools=[TOOL]),
    body(messages=[USER, USER, ASSISTANT]),
    body(messages=[USER, ASSISTANT | {"content": []}]),
    body(system="", metadata={"user_id": "u"}, service_tier="auto", temperature=0, top_k=3),
    body(tools=[TOOL | {"type": "custom"}, {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]),
    body(thinking={"type": "adaptive"}, model="claude-opus-4-6"),
    block(type="image", source={"type": "base64", "media_type": "image/png", "data": PNG}),
    block(type="image", source={"type": "url", "url": "https://example.com/a.png"}),
    block(type="document", source={"type": "text", "media_type": "text/plain", "data": "words"}, title="t"),
    block(type="document", source={"type": "base64", "media_type": "application/pdf", "data": PNG}),
    body(cache_control={"type": "ephemeral", "ttl": "1h"}),
]


@pytest.mark.parametrize("sent", GOOD, ids=range(len(GOOD)))
async def test_what_the_api_accepts_is_accepted(client: Client, sent: dict[str, Any]) -> None:
    assert (await accept(client, sent))["role"] == "assistant"


async def test_a_body_that_is_not_json_is_refused(client: Client) -> None:
    async with client.post("/v1/messages", data=b"{", headers=HEADERS) as response:
        assert response.status == 400
        assert (await response.json())["error"]["message"].startswith("The request body is not valid JSON")


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"anthropic-version": "2023-06-01"}, 401, "x-api-key header is required"),
        ({**HEADERS, "x-api-key": "nope"}, 401, "invalid x-api-key"),
        ({"authorization": "Bearer nope", "anthropic-version": "2023-06-01"}, 401, "Invalid bearer token"),
        ({"x-api-key": "sk-ant-x"}, 400, "anthropic-version: header is required"),
        ({**HEADERS, "anthropic-version": "2020-01-01"}, 400, 'anthropic-version: "2020-01-01" is not a valid version'),
        ({**HEADERS, "anthropic-beta": "what ever"}, 400, "Unexpected value(s) `what ever` for the `anthropic-beta`"),
    ],
)
async def test_headers_are_checked_before_the_body(
    client: Client, headers: dict[str, str], status: int, message: str
) -> None:
    async with client.post("/v1/messages", data=b"{", headers=headers) as response:
        assert response.status == status
        assert (await response.json())["error"]["message"].startswith(message)


async def test_an_unknown_path_or_method_has_the_apis_shape(client: Client) -> None:
    async with client.get("/v1/nothing") as response:
        assert response.status == 404
        assert (await response.json())["error"]["type"] == "not_found_error"
        assert response.headers["request-id"].startswith("req_01")
    async with client.get("/v1/messages") as response:
        assert response.status == 405
        assert (await response.json())["error"]["message"] == "Method Not Allowed"


async def test_a_body_over_the_limit_is_too_large(client: Client) -> None:
    async with client.post("/v1/messages", data=io.BytesIO(b" " * (32 * 1024 * 1024 + 1)), headers=HEADERS) as response:
        assert response.status == 413
        assert (await response.json())["error"]["type"] == "request_too_large"


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
async def test_the_newest_version_takes_no_sampling_parameters_at_all(client: Client, name: str) -> None:
    sent = body(**{name: 1})
    assert await refusal(client, sent, version="2026-10-21") == f"{name}: Extra inputs are not permitted"
    await accept(client, sent)


async def test_the_newest_version_takes_no_documents_from_the_assistant_and_no_citations_from_the_user(
    client: Client,
) -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
    answered = body(messages=[USER, {"role": "assistant", "content": [document]}, USER])
    cited = block(type="text", text="x", citations=[{"type": "char_location"}])
    for sent, path in ((answered, "messages.1.content.0"), (cited, "messages.0.content.0.text.citations")):
        assert (await refusal(client, sent, version="2026-10-21")).startswith(path)
        await accept(client, sent)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!error 999", "stand-in: !error 999 is none of"),
        ("!error", "stand-in: !error needs an argument"),
        ("!error 429 times=x", "stand-in: !error times=x is not a number"),
        ("!delay soon", "stand-in: !delay soon is not a number of seconds"),
        ("!delay 601", "stand-in: !delay 601 is not within 0 and 600 seconds"),
        ("!tool look {nope", "stand-in: the arguments of !tool look are not JSON"),
    ],
)
async def test_a_control_that_cannot_be_understood_is_refused(client: Client, text: str, message: str) -> None:
    sent = body(messages=[USER | {"content": text}])
    assert (await refusal(client, sent)).startswith(message)


async def test_text_that_only_looks_like_a_control_is_none(client: Client) -> None:
    answer = await accept(client, body(messages=[USER | {"content": "say x!error 500, !errors 500 and !tools"}]))
    assert answer["content"][0]["text"].endswith("| say x!error 500, !errors 500 and !tools")
