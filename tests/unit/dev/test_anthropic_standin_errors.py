"""The official SDK against the stand-in: errors, retries, delays and credentials."""

from __future__ import annotations

import logging
from typing import Any

import anthropic
import pytest

from dev.anthropic_standin.server import running_standin
from dev.anthropic_standin.state import State
from tests.unit.dev.standin_client import MODEL, Naps, arrived, ask, make_client, say, text_of

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
async def test_the_sdk_honours_retry_after_and_succeeds_at_last(
    standin: str, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "anthropic")
    async with make_client(standin, transport, max_retries=2) as client:
        message = await ask(client, "!error 429 retry-after=0.4 times=2")
    assert message.stop_reason == "end_turn"
    waits = [text.partition(" in ")[2] for text in caplog.messages if text.startswith("Retrying request")]
    assert waits == ["0.400000 seconds"] * 2
    assert len(await arrived(standin)) == 3


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_a_delay_beyond_the_clients_timeout_is_a_timeout(standin: str, transport: str) -> None:
    async with make_client(standin, transport, timeout=0.2) as client:
        with pytest.raises(anthropic.APITimeoutError):
            await ask(client, "!delay 30")


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_a_delay_is_waited_for_before_the_answer(transport: str) -> None:
    naps = Naps()
    async with running_standin(State(sleep=naps)) as url, make_client(url, transport) as client:
        await ask(client, "!delay 7")
    assert naps.asked == [7]


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
