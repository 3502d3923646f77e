"""A second gateway of the same state directory: it answers probes, and waits until the first one has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web

from tenantry_gateway.errors import NotReady
from tenantry_gateway.middleware.record import new_request_id
from tenantry_gateway.storage.lock import InUse

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.25
_REASON: Final = "standing by: another gateway uses the state directory"


async def stand_by(attempt: Callable[[], None], bind: str, port: int, stop: asyncio.Event) -> bool:
    """Answer probes until `attempt` raises InUse no more; False where the process is to end before that."""
    logger.info(_REASON)
    runner = web.ServerRunner(web.Server(_answer, access_log=None))
    await runner.setup()
    try:
        await web.TCPSite(runner, bind, port).start()
        while not stop.is_set():
            await asyncio.sleep(POLL_SECONDS)
            try:
                attempt()
            except InUse:
                continue
            return True
    finally:
        await runner.cleanup()
    return False


async def _answer(request: web.BaseRequest) -> web.Response:
    if request.path == "/health":
        return web.json_response({"status": "ok"})
    if request.path == "/ready":
        body = {"status": "not-ready", "reason": _REASON, "configHash": None, "tokenVersion": None}
        return web.json_response(body, status=503)
    request_id = new_request_id()
    error = NotReady(_REASON, retry_after=1.0)
    headers = {"request-id": request_id, "Retry-After": "1"}
    return web.json_response(error.body(request_id), status=error.status, headers=headers)
