"""What is around every request, as one middleware: each takes its share of the time of all of them."""

from __future__ import annotations

from aiohttp import web

from tenantry_gateway.middleware.errors import check_text, error_answer
from tenantry_gateway.middleware.record import CLIENT_GONE, RECORD, Handler, Record, report_request
from tenantry_gateway.state import STATE


@web.middleware
async def answer_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its record, answer errors, and log and count it when it has ended, however it ends."""
    state = request.app[STATE]
    record = request[RECORD] = Record()
    state.in_flight.begin()
    status = CLIENT_GONE
    try:
        try:
            check_text(request)
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, its client is told in the API's terms
            response = error_answer(request, error)
        status = response.status
        return response
    finally:
        state.in_flight.end()
        report_request(request, state, record, status)
