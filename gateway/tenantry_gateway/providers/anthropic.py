"""Claude through the official SDK, on its aiohttp client.

The SDK takes a second and 84 MiB to import, so it is imported by `load`, after the gateway listens. Streaming is
used for every reply: the first words come early, and what was produced is counted when a client leaves.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import TYPE_CHECKING, Any, Final

import orjson

from tenantry_gateway.errors import UpstreamError
from tenantry_gateway.providers.anthropic_stream import StreamedAnswer
from tenantry_gateway.providers.model import (
    Credentials,
    ModelMessage,
    ModelReply,
    ModelRequest,
    OnText,
    ToolDefinition,
    Usage,
)

if TYPE_CHECKING:
    import anthropic

logger = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 120.0
"""The API pings while it thinks; a stream that is silent for this long is broken."""
_MAX_RETRY_WAIT: Final = 5.0
_MAX_CLIENTS: Final = 2
_UNTRACED: Final[dict[str, Any]] = {"traces": {"enabled": False}, "propagation": False}
"""The SDK would tell the API the traces' ids, and a collector, if asked to, what is said."""
_CACHED: Final[dict[str, Any]] = {"cache_control": {"type": "ephemeral"}}


class AnthropicModel:
    """The Messages API. One HTTP client for all keys, so that a rotated key keeps the connections."""

    def __init__(self) -> None:
        self._sdk: Any = None
        self._errors: Any = None
        self._loading = asyncio.Lock()
        self._http: Any = None
        self._clients: dict[Credentials, anthropic.AsyncAnthropic] = {}

    async def load(self) -> None:
        """Import the SDK in a thread, once."""
        async with self._loading:
            if self._sdk is None:
                self._errors = await asyncio.to_thread(
                    importlib.import_module, "tenantry_gateway.providers.anthropic_errors"
                )
                self._sdk = importlib.import_module("anthropic")
                self._http = self._sdk.DefaultAioHttpClient(follow_redirects=False)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def reply(self, request: ModelRequest, credentials: Credentials, usage: Usage, on_text: OnText) -> ModelReply:
        """Ask Claude; see `Model.reply`."""
        await self.load()
        client = self._client(credentials)
        try:
            stream = await client.messages.create(**_parameters(request), stream=True)
        except self._errors.FAILURES as error:
            raise self._errors.upstream_error(error) from error
        answer = StreamedAnswer(usage)
        async with stream:
            events = aiter(stream.raw_events(stream.response))
            while (event := await self._next(events, stream.response)) is not None:
                text = answer.take(event)
                if text:
                    await on_text(text)
        if answer.stop_reason is None:
            request_id = stream.response.headers.get("request-id")
            raise UpstreamError("the Anthropic API broke its answer off", upstream_request_id=request_id)
        return answer.reply()

    async def _next(self, events: Any, response: Any) -> dict[str, Any] | None:
        """The stream's next event, None at its end. Errors of the stream alone are the API's.

        Events are read as they are: to make the SDK's models of them took nearly a fifth of a call's time.
        """
        try:
            while (event := await anext(events, None)) is not None:
                parsed = orjson.loads(event.data) if event.data else None
                if event.event == "error":
                    raise self._errors.stream_error(parsed, response)
                if isinstance(parsed, dict):
                    return parsed
        except self._errors.FAILURES as error:
            raise self._errors.upstream_error(error) from error
        return None

    def _client(self, credentials: Credentials) -> anthropic.AsyncAnthropic:
        client = self._clients.get(credentials)
        if client is None:
            if len(self._clients) >= _MAX_CLIENTS:
                self._clients.clear()
            client = self._sdk.AsyncAnthropic(
                api_key=credentials.api_key.get_secret_value(),
                base_url=credentials.base_url or "https://api.anthropic.com",
                http_client=self._http,
                timeout=self._sdk.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
                middleware=[self._give_up_long_waits],
                open_telemetry=_UNTRACED,
            )
            self._clients[credentials] = client
        return client

    async def _give_up_long_waits(self, request: Any, call_next: Any) -> Any:
        """Pass a long Retry-After on to the client; the SDK would wait for hours while the session is held."""
        response = await call_next(request)
        headers = response.http_response.headers
        wait = self._errors.parse_retry_after(headers)
        if wait is not None and wait > _MAX_RETRY_WAIT:
            headers["x-should-retry"] = "false"
        return response


def _parameters(request: ModelRequest) -> dict[str, Any]:
    """Arguments for the SDK. The system prompt, tools and the conversation so far are cached for the next turn."""
    parameters: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": [
            *(_message(message) for message in request.messages[:-1]),
            _message(request.messages[-1], cached=True),
        ],
    }
    if request.system and request.system.strip():
        parameters["system"] = [_text_block(request.system, cached=True)]
    if request.tools:
        parameters["tools"] = [_tool(tool) for tool in request.tools]
        parameters["tool_choice"] = {"type": "auto" if request.may_call else "none"}
    return parameters


def _message(message: ModelMessage, *, cached: bool = False) -> dict[str, Any]:
    if not message.blocks:
        return {"role": message.role, "content": [_text_block(message.text, cached=cached)]}
    *earlier, last = message.blocks
    return {"role": message.role, "content": [*earlier, {**last, **_CACHED} if cached else last]}


def _text_block(text: str, *, cached: bool) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": text}
    return block | _CACHED if cached else block


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
