"""`GET /v1/route`: where a message would go, and why."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from tenantry_config.routing import Message
from tenantry_gateway.routes.caller import caller
from tenantry_gateway.routes.query import refuse_unknown
from tenantry_gateway.routing.destination import OWN_CHANNEL, Address, find_destination
from tenantry_gateway.routing.explain import explain
from tenantry_gateway.state import STATE

_NAMES: Final = ("channel", "channelId", "senderId", "agentId")


async def explain_route(request: web.Request) -> web.Response:
    """Explain the decision for a message that the caller could send; nothing is sent."""
    snapshot = request.app[STATE].current()
    principal = caller(request)
    refuse_unknown(request, _NAMES)
    channel, channel_id, sender_id, agent_id = (request.query.get(name) or None for name in _NAMES)
    destination = find_destination(snapshot.config, principal, Address(channel, channel_id, sender_id, agent_id))
    message = Message(channel or OWN_CHANNEL, channel_id, sender_id or principal.id)
    return web.json_response(explain(snapshot.config, message, destination))
