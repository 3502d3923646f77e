"""`POST /v1/messages` and `…/count_tokens`: the Anthropic API as it is, with the gateway's token for a key."""

from __future__ import annotations

import json
import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web

from tenantry_gateway.audit.event import AuditEvent, Outcome
from tenantry_gateway.errors import GatewayError, NotReady, error_type
from tenantry_gateway.identity.principal import Principal
from tenantry_gateway.middleware.errors import describe
from tenantry_gateway.middleware.record import RECORD
from tenantry_gateway.providers.model import Usage
from tenantry_gateway.relay.client import UPSTREAM_ERRORS
from tenantry_gateway.relay.request import OTHER, Relayed, forwarded_headers, relayed
from tenantry_gateway.relay.upstream import passed_headers, refusal
from tenantry_gateway.relay.usage import StreamMeter, usage_of
from tenantry_gateway.routes.body import read_body
from tenantry_gateway.routes.caller import caller, demand
from tenantry_gateway.spans import model_span, tell_first, tell_usage
from tenantry_gateway.state import STATE, GatewayState
from tenantry_gateway.tracing import NO_SPAN, Span

MAX_BODY: Final = 32 * 1024 * 1024
NO_AGENT: Final = "none"
_SUCCESS: Final = 200
_LARGE: Final = 256 * 1024
"""Bodies from which on reading JSON would hold up everybody else."""


async def messages(request: web.Request) -> web.StreamResponse:
    """Pass a request on and its answer back, whole or as it comes. Tokens are counted even of a client that leaves."""
    state = request.app[STATE]
    snapshot = state.current()
    principal = caller(request)
    demand(principal, "user", "talking to models")
    state.check_storage()
    body = await read_body(request, MAX_BODY)
    asked = relayed(body, snapshot.config) if len(body) < _LARGE else await to_thread(relayed, body, snapshot.config)
    if snapshot.api_key is None:
        raise NotReady("ANTHROPIC_API_KEY is missing or empty: the gateway cannot call Claude", retry_after=5.0)
    request[RECORD].agent_id = asked.agent_id
    passage = _Passage(request, state, principal, asked)
    headers = forwarded_headers(request.headers, snapshot.api_key.get_secret_value())
    with model_span(
        state.tracer,
        asked.label if asked.label != OTHER else None,
        snapshot.base_url,
        agent_id=asked.agent_id,
        stream=asked.stream,
        operation="count_tokens" if request.path.endswith("/count_tokens") else "chat",
    ) as passage.span:
        try:
            with UPSTREAM_ERRORS:
                answer = await state.relay.post(
                    snapshot.base_url, request.path_qs, asked.body, headers, stream=asked.stream
                )
            async with answer:
                if asked.stream and answer.status == _SUCCESS:
                    return await passage.stream(answer)
                return await passage.whole(answer)
        except BaseException as error:
            passage.failed(error_type(error))
            raise


class _Passage:
    """One request on its way: what is counted and audited of it, once."""

    def __init__(self, request: web.Request, state: GatewayState, principal: Principal, asked: Relayed) -> None:
        self._request = request
        self._state = state
        self._principal = principal
        self._asked = asked
        self._sent = time.monotonic()
        self._overhead = self._sent - request[RECORD].started
        self._ended = False
        self.span: Span = NO_SPAN

    async def whole(self, answer: aiohttp.ClientResponse) -> web.Response:
        """Pass an answer back once the audit log has it."""
        with UPSTREAM_ERRORS:
            body = await answer.read()
        refused = refusal(answer.status, body, answer.headers)
        if refused is not None:
            raise refused
        arrived = time.monotonic()
        success = answer.status == _SUCCESS
        reason = "" if success else f"http_{answer.status}"
        await self._end(usage_of(body) if success else Usage(), reason)
        self._state.metrics.overhead(self._overhead + time.monotonic() - arrived)
        return web.Response(body=body, status=answer.status, headers=passed_headers(answer.headers))

    async def stream(self, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """Pass pieces on as they come; the last one only once the audit log has the request."""
        response = web.StreamResponse(headers={**passed_headers(answer.headers), "X-Accel-Buffering": "no"})
        meter = StreamMeter()
        held = b""
        try:
            await response.prepare(self._request)
            async for chunk in _pieces(answer):
                if held:
                    await response.write(held)
                else:
                    self._first_piece()
                held = chunk
                meter.take(chunk)
            await self._end(meter.usage, "")
            if held:
                await response.write(held)
            await response.write_eof()
        except GatewayError as error:
            self.failed(error.type, meter.usage)
            await self._break_off(response, error)
        except BaseException as error:
            self.failed(error_type(error), meter.usage)
            raise
        return response

    def failed(self, reason: str, usage: Usage | None = None) -> None:
        """Count and audit a request that failed, unless that was done."""
        if not self._ended:
            self._ended = True
            self._count(usage or Usage(), reason)
            self._state.directory.writer.note(self._event("failure", reason))

    async def _end(self, usage: Usage, reason: str) -> None:
        """Count and audit an answer that arrived; raises StorageFailed, and then it must not be passed back."""
        self._ended = True
        self._count(usage, reason)
        await self._state.directory.writer.write((self._event("failure" if reason else "success", reason or None),))

    async def _break_off(self, response: web.StreamResponse, error: GatewayError) -> None:
        """Tell the client in the stream's own terms: its status is sent already."""
        record = self._request[RECORD]
        text = json.dumps(describe(record, error).body(record.request_id))
        await response.write(f"event: error\ndata: {text}\n\n".encode())
        await response.write_eof()

    def _first_piece(self) -> None:
        seconds = time.monotonic() - self._sent
        self._state.metrics.model_first_text(self._asked.agent_id or NO_AGENT, self._asked.label, seconds)
        tell_first(self.span, seconds)

    def _count(self, usage: Usage, reason: str) -> None:
        seconds = time.monotonic() - self._sent
        agent = self._asked.agent_id or NO_AGENT
        self._state.metrics.model_call(agent, self._asked.label, usage, seconds, error_type=reason)
        tell_usage(self.span, usage)
        if reason:
            self.span.fail(reason)

    def _event(self, outcome: Outcome, reason: str | None) -> AuditEvent:
        asked = self._asked
        return AuditEvent(
            "model.message",
            outcome,
            actor=self._principal.id,
            role=self._principal.role,
            target=f"agent:{asked.agent_id}" if asked.agent_id else asked.model[:256],
            request_id=self._request[RECORD].request_id,
            reason=reason,
        )


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    with UPSTREAM_ERRORS:
        async for chunk in answer.content.iter_any():
            yield chunk
