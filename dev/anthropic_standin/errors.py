"""The API's errors: status, type and the JSON they are sent as.

Source: the public documentation's "Errors" page (status and type of each) and messages that the API is known to answer.
"""

from __future__ import annotations

from typing import Any

ERROR_TYPES: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "The request was refused on request."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not Found"),
    405: ("invalid_request_error", "Method Not Allowed"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}
"""HTTP status -> (error type, message when nothing more precise is known)."""


class ApiError(Exception):
    """An answer of the API that is an error; the server's middleware turns it into JSON."""

    def __init__(self, status: int, message: str | None = None, *, retry_after: str | None = None) -> None:
        """Make the error of one HTTP status; `retry_after` is the header's value in seconds, as text."""
        self.status = status
        self.type, default = ERROR_TYPES.get(status, ERROR_TYPES[500])
        self.message = default if message is None else message
        self.retry_after = retry_after
        super().__init__(f"{status} {self.type}: {self.message}")


def invalid(message: str) -> ApiError:
    """Make the 400 that the API answers to a body that it does not accept."""
    return ApiError(400, message)


def error_body(error: ApiError, request_id: str) -> dict[str, Any]:
    """Return the JSON of an error answer: ``{"type": "error", "error": {type, message}, "request_id"}``."""
    return {"type": "error", "error": {"type": error.type, "message": error.message}, "request_id": request_id}
