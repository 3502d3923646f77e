"""The aiohttp application: routes and what is around them."""

from __future__ import annotations

from aiohttp import web

from tenantry_gateway.middleware.errors import answer_errors
from tenantry_gateway.middleware.record import finish_headers, record_request
from tenantry_gateway.routes import health
from tenantry_gateway.routes.chat import MAX_BODY, chat
from tenantry_gateway.state import STATE, GatewayState


def build_app(state: GatewayState) -> web.Application:
    """The application around `state`."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[record_request, answer_errors])
    app[STATE] = state
    app.on_response_prepare.append(finish_headers)
    app.router.add_get("/health", health.health)
    app.router.add_get("/ready", health.ready)
    app.router.add_get("/metrics", health.metrics)
    app.router.add_post("/v1/chat", chat)
    return app
