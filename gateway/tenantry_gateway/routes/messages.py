"""`POST /v1/messages` and `…/count_tokens`: the Anthropic API as it is, with the gateway's token for a key."""

from __future__ import annotations

import json
import time
from typing import Final

import aiohttp
from aiohttp import web

from tenantry_gateway.audit.event import AuditEvent, Outcome
from tenantry_gateway.errors import GatewayError, NotReady, UpstreamError
from tenantry_gateway.identity.principal import Principal
from tenantry_gateway.middleware.errors import describe
from tenantry_gateway.middleware.record import RECORD
from tenantry_gateway.providers.model import Usage
from tenantry_gateway.relay.request import Relayed, forwarded_headers, relayed
from tenantry_gateway.relay.upstream import passed_headers, refusal
from tenantry_gateway.relay.usage import StreamMeter, usage_of
from tenantry_gateway.routes.body import read_body
from tenantry_gateway.routes.caller import caller, demand
from tenantry_gateway.state import STATE

MAX_BODY: Final = 32 * 1024 * 1024
_SUCCESS: Final = 200


async def messages(request: web.Request) -> web.StreamResponse:
    """Pass a request on and its answer back, whole or as it comes. Tokens are counted even of a client that leaves."""
    state = request.app[STATE]
    snapshot = state.current()
    principal = caller(request)
    demand(principal, "user", "talking to models")
    state.check_storage()
    asked = relayed(await read_body(request, MAX_BODY), snapshot.config)
    if snapshot.api_key is None:
        raise NotReady("ANTHROPIC_API_KEY is missing or empty: the gateway cannot call Claude", retry_after=5.0)
    record = request[RECORD]
    record.agent_id = asked.agent_id
    headers = forwarded_headers(request.headers, snapshot.api_key.get_secret_value())
    try:
        async with state.relay.post(snapshot.base_url, request.path_qs, asked.body, headers) as answer:
            if asked.stream and answer.status == _SUCCESS:
                return await _stream(request, principal, asked, answer)
            return await _whole(request, principal, asked, answer)
    except UpstreamError as error:
        state.directory.writer.note(_event(request, principal, asked, "failure", error.type))
        raise


async def _whole(
    request: web.Request, principal: Principal, asked: Relayed, answer: aiohttp.ClientResponse
) -> web.Response:
    state = request.app[STATE]
    body = await answer.read()
    refused = refusal(answer.status, body, answer.headers)
    if refused is not None:
        raise refused
    success = answer.status == _SUCCESS
    _count(request, asked, usage_of(body) if success else Usage(), "" if success else str(answer.status))
    outcome: Outcome = "success" if success else "failure"
    await state.directory.writer.write(
        (_event(request, principal, asked, outcome, None if success else str(answer.status)),)
    )
    return web.Response(body=body, status=answer.status, headers=passed_headers(answer.headers))


async def _stream(
    request: web.Request, principal: Principal, asked: Relayed, answer: aiohttp.ClientResponse
) -> web.StreamResponse:
    """Pass pieces on as they come; the last one only once the audit log has the request."""
    state = request.app[STATE]
    response = web.StreamResponse(headers={**passed_headers(answer.headers), "X-Accel-Buffering": "no"})
    meter = StreamMeter()
    reason = "client_gone"
    held = b""
    try:
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            if held:
                await response.write(held)
            held = chunk
            meter.take(chunk)
        reason = ""
        await state.directory.writer.write((_event(request, principal, asked, "success", None),))
        if held:
            await response.write(held)
        await response.write_eof()
    except GatewayError as error:
        reason = error.type
        await _broken_off(request, response, error)
    finally:
        _count(request, asked, meter.usage, reason)
        if reason:
            state.directory.writer.note(_event(request, principal, asked, "failure", reason))
    return response


async def _broken_off(request: web.Request, response: web.StreamResponse, error: GatewayError) -> None:
    """Tell the client in the stream's own terms: its status is sent already."""
    record = request[RECORD]
    text = json.dumps(describe(record, error).body(record.request_id))
    await response.write(f"event: error\ndata: {text}\n\n".encode())
    await response.write_eof()


def _count(request: web.Request, asked: Relayed, usage: Usage, reason: str) -> None:
    seconds = time.monotonic() - request[RECORD].started
    metrics = request.app[STATE].metrics
    metrics.model_call(asked.agent_id or "none", asked.model, usage, seconds, error_type=reason)


def _event(
    request: web.Request, principal: Principal, asked: Relayed, outcome: Outcome, reason: str | None
) -> AuditEvent:
    return AuditEvent(
        "model.message",
        outcome,
        actor=principal.id,
        role=principal.role,
        target=f"agent:{asked.agent_id}" if asked.agent_id else asked.model[:256],
        request_id=request[RECORD].request_id,
        reason=reason,
    )
