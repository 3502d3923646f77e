"""An HTTP server that answers as a test has written it down: for what a healthy API server does not do on request."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tenantry_operator.kube.client import Client
from tenantry_operator.kube.transport import Timeouts
from tenantry_operator.metrics import Metrics


@dataclass
class Credentials:
    """A token that a test can change."""

    server: str
    token: str = "first"
    after_reload: str = "second"
    in_cluster: bool = False

    def ssl_context(self) -> SSLContext | bool:
        return True

    def endpoint(self) -> tuple[str, ...]:
        return (self.server,)

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def reload(self) -> None:
        self.token = self.after_reload


@dataclass
class Answer:
    """One answer. ``body`` is sent as JSON, ``chunks`` as they are; ``hang`` keeps the connection open after them."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[bytes, ...] = ()
    hang: bool = False
    drop: bool = False
    """Cut the connection in the middle of the answer."""


@dataclass
class Script:
    """Answers in their order, and what was asked."""

    answers: list[Answer]
    asked: list[web.Request] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    first: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first request."""
    exhausted: asyncio.Event = field(default_factory=asyncio.Event)
    client: Client = field(init=False)
    metrics: Metrics = field(default_factory=Metrics)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.first.set()
        raw = await request.read()
        self.bodies.append(json.loads(raw) if raw else None)
        if not self.answers:
            self.exhausted.set()
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if not (answer.chunks or answer.hang):
            return web.json_response(answer.body or {}, status=answer.status, headers=answer.headers)
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        await response.prepare(request)
        for chunk in answer.chunks:
            await response.write(chunk)
        if answer.hang:
            await asyncio.Event().wait()
        if answer.drop and request.transport is not None:
            request.transport.abort()
        return response


@asynccontextmanager
async def scripted(*answers: Answer, timeouts: Timeouts | None = None) -> AsyncIterator[Script]:
    """A client of a server with this script."""
    script = Script(list(answers))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.0)
    credentials = Credentials(f"http://127.0.0.1:{server.port}")
    script.client = Client(
        credentials, script.metrics, manager="tenantry-operator", rand=lambda: 0.0, timeouts=timeouts
    )
    try:
        yield script
    finally:
        await script.client.close()
        await server.close()


def nobody(*_: object) -> None:
    """Listens to nothing."""


def status(code: int, reason: str = "", message: str = "no") -> Answer:
    """An error as the API server answers it."""
    return Answer(code, {"kind": "Status", "code": code, "reason": reason, "message": message})


def line(kind: str, body: Any) -> bytes:
    """One line of a watch."""
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"
