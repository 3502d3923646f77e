"""`GET /health`, `GET /ready` and `GET /metrics`: for probes, the operator and Prometheus; no token is needed."""

from __future__ import annotations

from aiohttp import web

from tenantry_gateway.metrics import CONTENT_TYPE
from tenantry_gateway.state import STATE, GatewayState


async def health(_request: web.Request) -> web.Response:
    """The process is alive."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """200 while messages are answered, 503 while the gateway waits for its configuration or is stopping."""
    status, body = readiness(request.app[STATE])
    return web.json_response(body, status=status)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus' text format."""
    return web.Response(body=request.app[STATE].metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def readiness(state: GatewayState) -> tuple[int, dict[str, object]]:
    """Status code and body of `/ready`.

    A missing API key leaves the gateway ready, `degraded`: its answers say what is missing, which a Service without
    endpoints could not.
    """
    snapshot = state.snapshot
    loaded = {
        "configHash": snapshot.config_hash if snapshot else None,
        "tokenVersion": snapshot.token_version if snapshot else None,
    }
    if state.draining:
        return 503, {"status": "draining", "reason": "the process is stopping", **loaded}
    if snapshot is None:
        return 503, {"status": "not-ready", "reason": state.waiting, **loaded}
    problem = state.directory.writer.problem
    if problem is not None:
        return 503, {"status": "not-ready", "reason": f"the state directory cannot be written: {problem}", **loaded}
    body: dict[str, object] = {"status": "ready", "reason": None, **loaded}
    degraded = [] if snapshot.api_key else ["ANTHROPIC_API_KEY is missing"]
    if state.config_error:
        degraded.append("the configuration on disk is not valid; an earlier one is in force")
    if degraded:
        body["degraded"] = degraded
    return 200, body
