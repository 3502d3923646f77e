"""The aiohttp application: routes and what is around them."""

from __future__ import annotations

from aiohttp import web

from tenantry_gateway.middleware.record import finish_headers
from tenantry_gateway.middleware.request import answer_request
from tenantry_gateway.middleware.trace import trace_request
from tenantry_gateway.routes import health
from tenantry_gateway.routes.administration import read_audit, reload
from tenantry_gateway.routes.chat import chat
from tenantry_gateway.routes.messages import MAX_BODY, messages
from tenantry_gateway.routes.route import explain_route
from tenantry_gateway.routes.sessions import delete_session, list_sessions, read_session
from tenantry_gateway.routes.websocket import websocket
from tenantry_gateway.state import STATE, GatewayState


def build_app(state: GatewayState) -> web.Application:
    """The application around `state`."""
    tracing = [trace_request] if state.tracer.on else []
    app = web.Application(client_max_size=MAX_BODY, middlewares=[*tracing, answer_request])
    app[STATE] = state
    app.on_response_prepare.append(finish_headers)
    app.router.add_get("/health", health.health)
    app.router.add_get("/ready", health.ready)
    app.router.add_get("/metrics", health.metrics)
    app.router.add_post("/v1/chat", chat)
    app.router.add_get("/v1/route", explain_route)
    app.router.add_get("/v1/sessions", list_sessions)
    app.router.add_get("/v1/sessions/{id}", read_session)
    app.router.add_delete("/v1/sessions/{id}", delete_session)
    app.router.add_post("/v1/messages", messages)
    app.router.add_post("/v1/messages/count_tokens", messages)
    app.router.add_get("/v1/audit", read_audit)
    app.router.add_post("/v1/reload", reload)
    app.router.add_get("/ws", websocket)
    return app
