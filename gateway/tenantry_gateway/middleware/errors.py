"""Every error as JSON in the Anthropic API's shape, with the request's id."""

from __future__ import annotations

import logging
import math
import re
from typing import Final

from aiohttp import web

from tenantry_gateway.errors import GatewayError, InvalidRequest, MethodNotAllowed, NotFound, UpstreamError
from tenantry_gateway.middleware.record import RECORD, Record, route_of
from tenantry_gateway.state import STATE

logger = logging.getLogger(__name__)

_HALF: Final = re.compile(r"[\ud800-\udfff]")
"""What stands for bytes that are no UTF-8."""


def error_answer(request: web.Request, error: Exception) -> web.Response:
    """The answer that tells of `error`. A client that is gone gets none, and no traceback: raises ConnectionError."""
    if isinstance(error, web.HTTPException):
        return _http_error(request, error)
    if isinstance(error, ConnectionError):
        raise error
    record = request[RECORD]
    described = describe(record, error)
    if record.answering:
        raise ConnectionResetError("the answer was broken off") from error
    request.app[STATE].denied(described, record.principal, route_of(request))
    return _response(record, described)


def check_text(request: web.Request) -> None:
    """Refuse a path or query that is no UTF-8: no name or id in it could be looked for, kept or passed on."""
    if request.raw_path.isascii() and "%" not in request.raw_path:  # As of most requests: nothing is to be decoded.
        return
    if _HALF.search(request.path_qs) or _HALF.search(request.path) or _HALF.search(request.query_string):
        raise InvalidRequest("the path and the query must be UTF-8")


def describe(record: Record, error: Exception) -> GatewayError:
    """What the client is told of `error`; the record and, for a fault of the gateway itself, the log learn of it."""
    if not isinstance(error, GatewayError):
        logger.error("request failed", exc_info=error, extra={"request_id": record.request_id})
        error = GatewayError("an error of the gateway itself; its log has the request's id")
    record.error_type = error.type
    if isinstance(error, UpstreamError):
        record.upstream_request_id = error.upstream_request_id
    return error


def _response(record: Record, error: GatewayError) -> web.Response:
    response = web.json_response(error.body(record.request_id), status=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    if error.status == web.HTTPUnauthorized.status_code:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    """aiohttp's own errors: no such path, another method, too large."""
    record = request[RECORD]
    if isinstance(error, web.HTTPNotFound):
        return _response(record, describe(record, NotFound("no such path")))
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        response = _response(record, describe(record, MethodNotAllowed(f"this path takes {allowed}")))
        response.headers["Allow"] = allowed
        return response
    return _response(record, describe(record, InvalidRequest("the request is not valid")))
