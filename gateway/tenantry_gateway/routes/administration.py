"""`GET /v1/audit` and `POST /v1/reload`: for admins."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from aiohttp import web

from tenantry_gateway.audit.files import Verdict, newest, verify
from tenantry_gateway.errors import InvalidRequest
from tenantry_gateway.routes.caller import caller, demand
from tenantry_gateway.routes.query import limit_of, number_of, refuse_unknown
from tenantry_gateway.state import STATE

_PARAMETERS: Final = ("limit", "before", "verify", "head")


async def read_audit(request: web.Request) -> web.Response:
    """The newest events, oldest first: `?limit=`, `?before=` an event's number.

    With `?verify=true` the whole log is checked, too, against `?head=` if that is given.
    """
    demand(caller(request), "admin", "reading the audit log")
    refuse_unknown(request, _PARAMETERS)
    limit, before = limit_of(request), number_of(request, "before")
    directory = request.app[STATE].directory
    lines = await asyncio.to_thread(newest, directory.path, limit, before)
    answer: dict[str, Any] = {"data": [_event(line) for line in lines], "head": str(directory.head)}
    if _wants_verdict(request):
        expected = request.query.get("head")
        answer["verification"] = _described(await asyncio.to_thread(verify, directory.path, directory.key, expected))
    return web.json_response(answer)


async def reload(request: web.Request) -> web.Response:
    """Look at the configuration now; 400 says what is wrong with it, and the one in force stays."""
    demand(caller(request), "admin", "reloading the configuration")
    state = request.app[STATE]
    before = state.current().config_hash
    await state.reload()
    if state.config_error is not None:
        raise InvalidRequest(
            f"the configuration is not valid, and the earlier one stays in force: {state.config_error}"
        )
    now = state.current().config_hash
    return web.json_response({"configHash": now, "changed": now != before})


def _wants_verdict(request: web.Request) -> bool:
    text = request.query.get("verify", "false")
    if text not in {"true", "false"}:
        raise InvalidRequest("verify must be true or false")
    return text == "true"


def _event(line: bytes) -> object:
    """A line as it is written; one that is no JSON is shown as text, since that is what somebody must see."""
    try:
        parsed: object = json.loads(line)
    except ValueError:
        return {"damaged": line.decode("utf-8", "replace")[:1000]}
    return parsed


def _described(verdict: Verdict) -> dict[str, object]:
    return {
        "ok": verdict.fault is None,
        "lines": verdict.lines,
        "head": str(verdict.head),
        "fault": verdict.fault,
    }
