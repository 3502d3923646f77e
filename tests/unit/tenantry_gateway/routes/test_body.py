"""Bodies that nobody sends by accident."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st

from tenantry_gateway.conversation.request import ChatRequest
from tenantry_gateway.errors import InvalidRequest
from tenantry_gateway.routes.body import parse_body, parse_json
from tests.unit.tenantry_gateway.harness import error_of

Client = TestClient[Any, Any]


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"null", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"{}", "text: is required"),
        (b'{"text": null}', "text: must be a valid string"),
        (b'{"text": 1}', "text: must be a valid string"),
        (b'{"text": ["a"]}', "text: must be a valid string"),
        (b'{"text": ""}', "text: must not be blank"),
        (b'{"text": " \\n\\t "}', "text: must not be blank"),
        (b'{"text": "a\\u0000b"}', "text: must not hold NUL"),
        (b'{"text": "a\x00b"}', "not JSON"),
        (b'{"text": "\\ud800"}', "text: must be text: it holds half of a surrogate pair"),
        (b'{"text": "hi", "senderId": "\\udfff"}', "senderId: must be text"),
        (b'{"text": "hi", "senderId": ""}', "senderId: "),
        (b'{"text": "hi", "senderId": 7}', "senderId: must be a valid string"),
        (b'{"text": "hi", "senderId": {"$ne": 1}}', "senderId: must be a valid string"),
        (b'{"text": "hi", "senderId": "a\\nb"}', "senderId: must not hold control characters"),
        (b'{"text": "hi", "channel": "a\\u0000"}', "channel: must not hold control characters"),
        (b'{"text": "hi", "channelId": "' + b"x" * 257 + b'"}', "channelId: "),
        (b'{"text": "hi", "agentId": false}', "agentId: must be a valid string"),
        (b'{"text": "hi", "stream": "yes"}', "stream: must be a valid boolean"),
        (b'{"text": "hi", "stream": 1}', "stream: must be a valid boolean"),
        (b'{"text": "hi", "sender_id": "x"}', "sender_id: unknown field; known: text, channel, channelId"),
        (b'{"text": "hi", "__proto__": {}}', "__proto__: unknown field"),
        (b'{"text": "hi", "text": "ho"}', "text: duplicate key"),
        (b'{"text": NaN}', "NaN is no number"),
        (b'{"text": -Infinity}', "-Infinity is no number"),
        (b'{"text": ' + b"9" * 5000 + b"}", "a number is too long"),
        (b"[" * 100_000 + b"]" * 100_000, "nested more than 32 levels"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested more than 32 levels"),
        (b"\xff\xfe", "not UTF-8"),
        ('{"text": "hi"}'.encode("utf-16"), "not UTF-8"),
        (b'\xef\xbb\xbf{"text": "hi"}', "not JSON"),
        (b"text=hi&stream=true", "not JSON"),
    ],
    ids=range(36),
)
async def test_a_wrong_body_is_400_and_says_what_is_wrong(client: Client, body: bytes, part: str) -> None:
    status, kind, message = await error_of(await client.post("/v1/chat", data=body))

    assert (status, kind) == (400, "invalid_request_error")
    assert part in message


async def test_a_body_over_its_limit_is_413_whether_announced_or_not(client: Client) -> None:
    body = json.dumps({"text": "x" * (1024 * 1024)}).encode()

    async def chunks() -> Any:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    for data in (io.BytesIO(body), chunks()):
        assert (await error_of(await client.post("/v1/chat", data=data)))[:2] == (413, "request_too_large")


async def test_a_body_just_below_the_limit_is_accepted(client: Client) -> None:
    text = "é" * ((1024 * 1024 - 30) // 2)

    data = io.BytesIO(json.dumps({"text": text}, ensure_ascii=False).encode())
    response = await client.post("/v1/chat", data=data)

    assert response.status == 200


async def test_a_wrong_token_is_401_before_the_body_is_looked_at(client: Client) -> None:
    response = await client.post("/v1/chat", data=b"{", headers={"Authorization": "Bearer wrong"})

    assert response.status == 401


def test_brackets_in_strings_are_no_nesting() -> None:
    text = '[{"\\"' * 1000

    assert parse_json(json.dumps({"text": text}).encode()) == {"text": text}


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_request_or_invalid(data: bytes) -> None:
    try:
        parse_body(data, ChatRequest)
    except InvalidRequest as error:
        message = error.message
        assert message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_json_is_read_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
