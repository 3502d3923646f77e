"""The Anthropic API's failures as the gateway's own errors. Imports the SDK, so it is imported late."""

from __future__ import annotations

from collections.abc import Mapping
from json import JSONDecodeError
from typing import Final

import anthropic
import httpx2

from tenantry_gateway.errors import UpstreamError, UpstreamOverloaded, UpstreamRateLimited, UpstreamTimeout

FAILURES: Final = (anthropic.APIError, httpx2.HTTPError, httpx2.StreamError, JSONDecodeError)
"""What a call may raise: the SDK's errors, the transport's while a stream is read, and JSON that is none."""

_MAX_MESSAGE: Final = 500
_LIMITS: Final = ("requests", "tokens", "input-tokens", "output-tokens")
_OVERLOADED: Final = 529


def upstream_error(error: Exception) -> UpstreamError:
    """The gateway's error for one of FAILURES."""
    if isinstance(error, anthropic.APIStatusError):
        return _status_error(error)
    if isinstance(error, anthropic.APITimeoutError | httpx2.TimeoutException):
        return UpstreamTimeout("the Anthropic API did not answer in time")
    if isinstance(error, anthropic.APIConnectionError | httpx2.ConnectError):
        return UpstreamError("the Anthropic API cannot be reached: check provider.baseUrl and the network")
    return UpstreamError("the Anthropic API broke its answer off")


def stream_error(body: object, response: httpx2.Response) -> anthropic.APIStatusError:
    """What an `error` event in the midst of a stream says."""
    return anthropic.APIStatusError("an error in the stream", response=response, body=body)


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for; None without one, or with a date."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _status_error(error: anthropic.APIStatusError) -> UpstreamError:
    headers = error.response.headers
    said = (error.api_message or "no message")[:_MAX_MESSAGE]
    request_id = error.request_id
    retry_after = parse_retry_after(headers)
    if error.type == "rate_limit_error" or error.status_code == anthropic.RateLimitError.status_code:
        message = f"the Anthropic API's {_limit_of(headers)} for this gateway's API key is reached: {said}"
        return UpstreamRateLimited(message, upstream_request_id=request_id, retry_after=retry_after or 1.0)
    if error.type == "overloaded_error" or error.status_code == _OVERLOADED:
        message = f"the Anthropic API is overloaded: {said}"
        return UpstreamOverloaded(message, upstream_request_id=request_id, retry_after=retry_after)
    if error.type == "timeout_error":
        return UpstreamTimeout(f"the Anthropic API timed out: {said}", upstream_request_id=request_id)
    if isinstance(error, anthropic.AuthenticationError | anthropic.PermissionDeniedError):
        message = f"the Anthropic API refused this gateway's API key (ANTHROPIC_API_KEY): {said}"
        return UpstreamError(message, upstream_request_id=request_id)
    kind = error.type or "error"
    status = f"{error.status_code} " if error.response.is_error else ""
    message = f"the Anthropic API answered {status}{kind}: {said}"
    return UpstreamError(message, upstream_request_id=request_id)


def _limit_of(headers: Mapping[str, str]) -> str:
    """The limit that has nothing left, by the API's rate-limit headers."""
    spent = [limit for limit in _LIMITS if headers.get(f"anthropic-ratelimit-{limit}-remaining") == "0"]
    return f"limit of {spent[0].replace('-', ' ')}" if spent else "rate limit"
