"""What can go wrong with a request, in the terms of the Anthropic API's errors.

Routes and what they call raise these; `middleware.errors` makes the JSON. Messages never hold a secret.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar


class GatewayError(Exception):
    """A request that fails: HTTP status, the error's type in the Anthropic API's terms, and what to do about it."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after

    def body(self, request_id: str) -> dict[str, object]:
        """The JSON of the answer."""
        return error_body(self.type, self.message, request_id)


class InvalidRequest(GatewayError):
    """The request itself is wrong."""

    status = 400
    type = "invalid_request_error"


class AuthenticationFailed(GatewayError):
    """No token, or a wrong one."""

    status = 401
    type = "authentication_error"


class PermissionDenied(GatewayError):
    """A known caller without the role that this takes."""

    status = 403
    type = "permission_error"


class NotFound(GatewayError):
    """No such agent, route or path."""

    status = 404
    type = "not_found_error"


class MethodNotAllowed(GatewayError):
    """The path takes another method."""

    status = 405
    type = "invalid_request_error"


class RequestTimeout(GatewayError):
    """The client did not send its request in time."""

    status = 408
    type = "invalid_request_error"


class SessionChanged(GatewayError):
    """Somebody else wrote the session meanwhile; the same request may be sent again."""

    status = 409
    type = "api_error"


class KeyReused(GatewayError):
    """An Idempotency-Key of another request."""

    status = 422
    type = "invalid_request_error"


class RequestTooLarge(GatewayError):
    """The body is over its limit."""

    status = 413
    type = "request_too_large"


class RequestCancelled(GatewayError):
    """Its client has taken it back."""

    status = 499
    type = "request_cancelled"


class TooManyRequests(GatewayError):
    """A limit of the gateway's own."""

    status = 429
    type = "rate_limit_error"


class NotReady(GatewayError):
    """Something that the gateway needs is missing, or it is stopping."""

    status = 503
    type = "api_error"


class StorageFailed(GatewayError):
    """The state or the audit log cannot be written, so that nothing may be done. The same request may be sent again."""

    status = 503
    type = "api_error"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the gateway cannot write its state ({reason}): nothing is done that cannot be kept. Free space in the "
            "state directory or enlarge the volume, and send the message again",
            retry_after=5.0,
        )


class StorageDamaged(GatewayError):
    """What is kept cannot be read; the log names the file."""

    status = 500
    type = "api_error"


class TurnTimeout(GatewayError):
    """The turn took longer than a turn may."""

    status = 504
    type = "timeout_error"


class UpstreamError(GatewayError):
    """The model's API failed. `upstream_request_id` is the id under which its operator finds the request."""

    status = 502
    type = "api_error"

    def __init__(
        self, message: str, *, upstream_request_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.upstream_request_id = upstream_request_id

    def body(self, request_id: str) -> dict[str, object]:
        """The JSON of the answer, with the API's own id of the request where it gave one."""
        body = super().body(request_id)
        if self.upstream_request_id is not None:
            body["upstream_request_id"] = self.upstream_request_id
        return body


class UpstreamRateLimited(UpstreamError):
    """The model's API limits the gateway's key."""

    status = 429
    type = "rate_limit_error"


class UpstreamOverloaded(UpstreamError):
    """The model's API has no capacity at the moment."""

    status = 529
    type = "overloaded_error"


class UpstreamTimeout(UpstreamError):
    """The model's API did not answer in time."""

    status = 504
    type = "timeout_error"


def error_body(kind: str, message: str, request_id: str) -> dict[str, object]:
    """An error in the Anthropic API's shape."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def error_type(error: BaseException) -> str:
    """A bounded set of names: the error's type in the API's terms, or who ended the call."""
    if isinstance(error, GatewayError):
        return error.type
    if isinstance(error, asyncio.CancelledError | ConnectionError):
        return "client_gone"
    return "internal"
