"""`GET /v1/sessions`, `GET` and `DELETE /v1/sessions/{id}`: one's own conversations; all of them for operators."""

from __future__ import annotations

import asyncio
from itertools import islice

from aiohttp import web

from tenantry_gateway.audit.event import AuditEvent
from tenantry_gateway.errors import NotFound
from tenantry_gateway.identity.principal import Principal, has_role
from tenantry_gateway.middleware.record import RECORD
from tenantry_gateway.routes.caller import caller, demand
from tenantry_gateway.routes.query import limit_of, number_of, refuse_unknown
from tenantry_gateway.sessions.catalog import Listed, find, walk
from tenantry_gateway.state import STATE


async def list_sessions(request: web.Request) -> web.Response:
    """The sessions that the caller may see, page by page: `?limit=` and `?after=` the last id of the page before."""
    principal = caller(request)
    refuse_unknown(request, ("limit", "after"))
    limit, after = limit_of(request), request.query.get("after", "")
    state_dir = request.app[STATE].directory.path

    def page() -> list[Listed]:
        seen = (one for one in walk(state_dir, after) if _may_see(principal, one))
        return list(islice(seen, limit + 1))

    found = await asyncio.to_thread(page)
    shown = found[:limit]
    return web.json_response(
        {
            "data": [one.as_json() for one in shown],
            "hasMore": len(found) > limit,
            "lastId": shown[-1].id if shown else None,
        }
    )


async def read_session(request: web.Request) -> web.Response:
    """A session's turns, the newest first: `?limit=`, and `?before=` a turn's number."""
    principal = caller(request)
    refuse_unknown(request, ("limit", "before"))
    listed = await _found(request, principal)
    limit, before = limit_of(request), number_of(request, "before")
    turns = await request.app[STATE].store.turns(listed.session)
    older = [one for one in reversed(turns) if before is None or one.number < before]
    return web.json_response(
        {
            **listed.as_json(),
            "turns": [
                {
                    "number": one.number,
                    "time": one.time,
                    "id": one.turn.id,
                    "role": one.turn.role,
                    "actor": one.turn.actor,
                    "message": one.turn.message,
                    "reply": one.turn.reply,
                }
                for one in older[:limit]
            ],
            "hasMore": len(older) > limit,
        }
    )


async def delete_session(request: web.Request) -> web.Response:
    """Delete a session, for good; what is being answered in it is waited for."""
    principal = caller(request)
    listed = await _found(request, principal)
    demand(principal, "user", "deleting a session")
    event = AuditEvent(
        "session.delete",
        "success",
        actor=principal.id,
        role=principal.role,
        target=listed.session.agent_id,
        session=listed.session.key,
        request_id=request[RECORD].request_id,
    )
    state = request.app[STATE]
    async with state.turns.lines.turn(listed.session):
        await state.store.delete(listed.session, (event,))
    return web.json_response({"id": listed.id, "deleted": True})


async def _found(request: web.Request, principal: Principal) -> Listed:
    """The session of the path; one that the caller may not see does not exist for them."""
    given = request.match_info["id"]
    found = await asyncio.to_thread(find, request.app[STATE].directory.path, given)
    if found is None or not _may_see(principal, found):
        raise NotFound(f'no session "{given[:200]}" of yours')
    return found


def _may_see(principal: Principal, listed: Listed) -> bool:
    return has_role(principal.role, "operator") or listed.owner == principal.id
