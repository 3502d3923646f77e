"""Every error as JSON in the Anthropic API's shape, with the request's id."""

from __future__ import annotations

import logging
import math

from aiohttp import web

from tenantry_gateway.errors import GatewayError, InvalidRequest, NotFound, RequestTooLarge, UpstreamError, error_body
from tenantry_gateway.middleware.record import RECORD, Handler

logger = logging.getLogger(__name__)

_NOT_ALLOWED = 405


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn exceptions into answers. A client that is gone gets none, and no traceback."""
    try:
        return await handler(request)
    except GatewayError as error:
        return error_response(request, error)
    except web.HTTPException as error:
        return _http_error(request, error)
    except ConnectionError:
        raise
    except Exception:
        record = request[RECORD]
        record.error_type = GatewayError.type
        logger.exception("request failed", extra={"request_id": record.request_id})
        return error_response(request, GatewayError("an error of the gateway itself; its log has the request's id"))


def error_response(request: web.Request, error: GatewayError) -> web.Response:
    """The answer that says `error`."""
    record = request[RECORD]
    record.error_type = error.type
    if isinstance(error, UpstreamError):
        record.upstream_request_id = error.upstream_request_id
    response = web.json_response(error.body(record.request_id), status=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    if error.status == web.HTTPUnauthorized.status_code:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    """aiohttp's own errors: no such path, another method, too large."""
    if isinstance(error, web.HTTPNotFound):
        return error_response(request, NotFound("no such path"))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return error_response(request, RequestTooLarge("the body is too large"))
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        record = request[RECORD]
        record.error_type = InvalidRequest.type
        body = error_body(InvalidRequest.type, f"this path takes {allowed}", record.request_id)
        return web.json_response(body, status=_NOT_ALLOWED, headers={"Allow": allowed})
    return error_response(request, InvalidRequest("the request is not valid"))
