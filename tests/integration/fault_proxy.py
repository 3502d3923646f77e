"""A proxy in front of the real API server that does on request what a healthy one does only now and then.

It listens on loopback without TLS and forwards everything, watches line by line. ``faults`` says what can go wrong.
It runs in a thread of its own; everything here may be called from the test's.
"""

import asyncio
import json
import selectors
import ssl
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
import yaml
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from dev.cluster.control_plane import ControlPlane
from tests.integration.faults import Action, Edit, Exchange, Match, Rule, Target, as_it_is

T = TypeVar("T")

HOP_BY_HOP = ("Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Host", "Date", "Server")
CLOSING_SECONDS = 5.0
"""How long the proxy waits at its end until all its connections are closed; by TLS that takes an answer of the peer."""
LONGEST_LINE = 2**22


@dataclass(slots=True)
class Passed:
    """A request that reached the proxy. ``status`` is 0 until it is answered, and for ever if it never was."""

    target: Target
    at: float
    """``time.monotonic()``."""
    status: int = 0


class Watch:
    """A watch that is open through the proxy."""

    def __init__(self, target: Target, response: web.StreamResponse, request: web.Request, edit: Edit) -> None:
        self.target = target
        self._response = response
        self._request = request
        self._edit = edit
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._stalled = False
        self._halve = False

    def close(self) -> None:
        """End it in an orderly way, as the API server does after its time."""
        self._call(self._ended.set)

    def cut(self) -> None:
        """Break the connection."""
        self._call(self._abort)

    def stall(self) -> None:
        """From now on forward nothing, and keep the connection open."""
        self._call(lambda: setattr(self, "_stalled", True))

    def cut_next_line(self) -> None:
        """Break the connection in the middle of the next line."""
        self._call(lambda: setattr(self, "_halve", True))

    def inject(self, kind: str, body: Mapping[str, Any]) -> None:
        """Send an event that the API server did not."""
        line = json.dumps({"type": kind, "object": body}, separators=(",", ":")).encode() + b"\n"
        asyncio.run_coroutine_threadsafe(self._response.write(line), self._loop).result(5)

    def error(self, code: int, reason: str) -> None:
        """Send an ERROR event, as the API server does when it cannot go on."""
        self.inject("ERROR", {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": reason})

    async def pump(self, content: aiohttp.StreamReader) -> None:
        """Forward line by line until either side ends it."""
        forwarding = asyncio.ensure_future(self._forward(content))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({forwarding, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forwarding.cancel()
            ended.cancel()
            await asyncio.gather(forwarding, ended, return_exceptions=True)

    async def _forward(self, content: aiohttp.StreamReader) -> None:
        while line := await content.readline():
            await self._deliver(line)

    async def _deliver(self, line: bytes) -> None:
        if self._stalled:
            return
        if self._halve:
            await self._response.write(line[: len(line) // 2])
            self._abort()
            return
        for each in self._edit(line):
            await self._response.write(each)

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def _call(self, work: Any) -> None:
        self._loop.call_soon_threadsafe(work)


class FaultProxy:
    """A context manager; point a client's kubeconfig at it with ``kubeconfig``."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.requests: list[Passed] = []
        """Everything that was asked, in order."""
        self.port = 0
        self._upstream = control_plane.url
        self._tls = ssl.create_default_context(cafile=str(control_plane.folder / "pki" / "ca.crt"))
        self._rules: list[Rule] = []
        self._watches: list[Watch] = []
        self._selector = selectors.DefaultSelector()
        self._loop = asyncio.SelectorEventLoop(self._selector)
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        deadline = time.monotonic() + CLOSING_SECONDS
        while len(self._selector.get_map()) > 1 and time.monotonic() < deadline:  # The loop's own pipe stays.
            time.sleep(0.01)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """The proxy's base URL."""
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, source: Path, target: Path) -> Path:
        """Write a kubeconfig that has the token of ``source`` and leads here."""
        config = yaml.safe_load(source.read_text())
        for each in config["clusters"]:
            each["cluster"] = {"server": self.url}
        target.write_text(yaml.safe_dump(config))
        return target

    @contextmanager
    def fault(
        self,
        action: Action,
        *verbs: str,
        resource: str = "",
        namespace: str = "",
        name: str = "",
        query: Mapping[str, str] | None = None,
        token: str = "",
        skip: int = 0,
        times: int | None = None,
    ) -> Iterator[Rule]:
        """While inside, requests that match meet a fault; of several faults the oldest that takes a request counts."""
        match = Match(verbs, resource, namespace, name, query or {}, token)
        rule = Rule(action, match, skip, times)
        self._rules.append(rule)
        try:
            yield rule
        finally:
            self._rules.remove(rule)
            self._loop.call_soon_threadsafe(rule.over.set)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """While inside, nobody listens: connections are cut, new ones refused."""
        self._run(self._close())
        try:
            yield
        finally:
            self._run(self._open())

    def watches(self, resource: str) -> list[Watch]:
        """The watches of a resource that are open now."""
        return [watch for watch in self._watches if watch.target.resource == resource]

    def asked(
        self, *verbs: str, resource: str = "", namespace: str = "", name: str = "", since: int = 0
    ) -> list[Passed]:
        """The requests after the first ``since`` that match, as for ``fault``."""
        wanted = Match(verbs, resource, namespace, name)
        return [each for each in self.requests[since:] if wanted.fits(each.target, {}, "")]

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            read_bufsize=LONGEST_LINE,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, handle_signals=False, access_log=None, shutdown_timeout=0, handler_cancellation=True
        )
        await self._runner.setup()
        await self._open()

    async def _stop(self) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._close()
        await self._runner.cleanup()
        await self._session.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _open(self) -> None:
        assert self._runner is not None
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[-1][1]

    async def _close(self) -> None:
        assert self._runner is not None
        assert self._site is not None
        await self._site.stop()
        server = self._runner.server
        for connection in server.connections if server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        target = Target.of(request.method, request.path, request.query, request.content_type, body)
        passed = Passed(target, time.monotonic())
        self.requests.append(passed)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")

        async def send_on(edit: Edit) -> web.StreamResponse:
            return await self._forward(request, body, target, passed, edit)

        rule = next((each for each in tuple(self._rules) if each.takes(target, request.query, token)), None)
        if rule is None:
            return await send_on(as_it_is)
        response = await rule.action(Exchange(request, target, body, send_on, rule.over))
        passed.status = response.status
        return response

    async def _forward(
        self, request: web.Request, body: bytes, target: Target, passed: Passed, edit: Edit
    ) -> web.StreamResponse:
        assert self._session is not None
        url = URL(self._upstream + request.raw_path, encoded=True)
        headers = _end_to_end(request.headers)
        async with (
            self._session.request(request.method, url, data=body or None, headers=headers) as upstream,
            cut(upstream),
        ):
            passed.status = upstream.status
            kept = _end_to_end(upstream.headers)
            if target.verb != "watch" or upstream.status != 200:
                return web.Response(status=upstream.status, body=await upstream.read(), headers=kept)
            response = web.StreamResponse(status=upstream.status, headers=kept)
            await response.prepare(request)
            watch = Watch(target, response, request, edit)
            self._watches.append(watch)
            try:
                await watch.pump(upstream.content)
            finally:
                self._watches.remove(watch)
            return response

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@asynccontextmanager
async def cut(upstream: aiohttp.ClientResponse) -> AsyncIterator[None]:
    """At the end, cut the connection of an answer that was not read to its end: to close one by TLS takes two."""
    try:
        yield
    finally:
        connection = upstream.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in HOP_BY_HOP:
        kept.popall(name, None)
    return kept
