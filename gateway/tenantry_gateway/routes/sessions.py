"""`GET /v1/sessions`, `GET` and `DELETE /v1/sessions/{id}`: one's own conversations; all of them for operators."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Final

from aiohttp import web

from tenantry_gateway.audit.event import AuditEvent
from tenantry_gateway.errors import InvalidRequest, NotFound, PermissionDenied
from tenantry_gateway.identity.principal import Principal, has_role
from tenantry_gateway.middleware.record import RECORD
from tenantry_gateway.routes.caller import caller
from tenantry_gateway.sessions.catalog import Listed, find, walk
from tenantry_gateway.state import STATE

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000


async def list_sessions(request: web.Request) -> web.Response:
    """The sessions that the caller may see, page by page: `?limit=` and `?after=` the last id of the page before."""
    principal = caller(request)
    limit, after = _limit(request), request.query.get("after", "")
    state_dir = request.app[STATE].kept().state_dir

    def page() -> list[Listed]:
        seen = (one for one in walk(state_dir) if _may_see(principal, one))
        rest = _after(seen, after) if after else seen
        return list(islice(rest, limit + 1))

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
    listed = await _found(request, principal)
    limit, before = _limit(request), _number(request, "before")
    turns = await request.app[STATE].kept().turns(listed.session)
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
    if not has_role(principal.role, "user"):
        raise PermissionDenied(f"{principal.id} has the role {principal.role}; deleting a session takes the role user")
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
        await state.kept().delete(listed.session, (event,))
    return web.json_response({"id": listed.id, "deleted": True})


async def _found(request: web.Request, principal: Principal) -> Listed:
    """The session of the path; one that the caller may not see does not exist for them."""
    given = request.match_info["id"]
    found = await asyncio.to_thread(find, request.app[STATE].kept().state_dir, given)
    if found is None or not _may_see(principal, found):
        raise NotFound(f'no session "{given[:200]}" of yours')
    return found


def _may_see(principal: Principal, listed: Listed) -> bool:
    return has_role(principal.role, "operator") or listed.owner == principal.id


def _after(listed: Iterator[Listed], after: str) -> Iterator[Listed]:
    """What follows the session with this id."""
    for one in listed:
        if one.id == after:
            break
    return listed


def _limit(request: web.Request) -> int:
    limit = _number(request, "limit")
    if limit is None:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"limit must be from 1 to {MAX_LIMIT}")
    return limit


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidRequest(f"{name} must be a whole number")
    return int(text)
