"""Keeps kopf going whatever the API server says about our kinds.

kopf ends the operator at any error within a watch but 410, at an answer such as 404 or 410 to a list or watch, and at a
stream whose last line is cut off. The remedy for all of them is a new list, so each is turned into what makes kopf
list again: event 410 in a watch, a broken answer to a list. Refusals that kopf itself tries again pass as they are.
"""

import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import orjson

from tenantry_operator.kube.client import lines
from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY
from tenantry_operator.kube.transport import json_object

log = logging.getLogger(__name__)

TRIED_AGAIN = frozenset({401, 403, 429})
"""Client errors after which kopf logs in or waits; and it waits at every 5xx."""
_EXPIRED = {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "message": "list again"}
LIST_AGAIN = orjson.dumps({"type": "ERROR", "object": _EXPIRED})
_COLLECTIONS = tuple(f"/{kind.plural}" for kind in (GATEWAY, AGENT_BINDING))


async def heal(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Client middleware of kopf's session."""
    response = await handler(request)
    if request.method != "GET" or not request.url.path.endswith(_COLLECTIONS):
        return response
    watch, failed = "watch" in request.url.query, 400 <= response.status < 500
    if failed and response.status not in TRIED_AGAIN:
        log.warning("listing %s anew: the API server has answered %d", request.url.name, response.status)
        if not watch:
            response.release()
            raise aiohttp.ClientPayloadError(f"{response.status}: list again")
        response.status = 200
    if watch and response.status == 200:
        healed = _Healed(request.url.name, response.content, gone=failed)
        response.content = cast("aiohttp.StreamReader", healed)
    return response


class _Healed:
    """A watch's stream as kopf reads it; for the rest, the stream itself."""

    def __init__(self, resource: str, content: aiohttp.StreamReader, *, gone: bool) -> None:
        self._resource = resource
        self._content = content
        self._gone = gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines; an error is one that kopf understands."""
        if self._gone:
            yield LIST_AGAIN + b"\n"
            return
        async for line in lines(self._content.iter_chunked(size)):
            yield self._healed(line) + b"\n"

    def _healed(self, line: bytes) -> bytes:
        if b'"ERROR"' not in line[:32]:
            return line
        error = json_object(line).get("object")
        code = error.get("code") if isinstance(error, dict) else None
        if code != 410:
            log.warning("listing %s anew: error in its watch: %s", self._resource, error)
        return LIST_AGAIN
