"""The floor: what a gateway that does the same work cannot do without, in as little aiohttp as it takes.

It checks a token, parses the body, counts and times, passes the request on, and answers only once a line about it is
safe on the disk. A conversation's turn goes through the official SDK, and its line holds what was said. No agents, no
roles, no limits, no logs, no errors of its own. A process of its own:
``python -m benchmarks.gateway.floor --port 9001 --upstream http://127.0.0.1:9000 --directory /tmp/floor``, the token in
GATEWAY_TOKEN.
"""

import argparse
import asyncio
import hmac
import importlib
import os
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import aiohttp
import orjson
from aiohttp import WSMsgType, web
from prometheus_client import Counter, Histogram

from benchmarks.gateway.upstream import MODEL

REQUESTS = Counter("floor_requests_total", "Requests", ("status",))
SECONDS = Histogram("floor_request_seconds", "Duration of requests")
_SUCCESS = 200
_MAX_BODY = 32 * 1024 * 1024
_MAX_TOKENS = 4096
_CACHED = {"cache_control": {"type": "ephemeral"}}


class AuditFile:
    """One thread appends lines; what arrives while it waits for the disk is confirmed together."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(directory / "audit.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._loop = asyncio.get_running_loop()
        self._lines: SimpleQueue[tuple[bytes, asyncio.Future[None]]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    async def write(self, line: bytes) -> None:
        """Return once the line cannot be lost."""
        done = self._loop.create_future()
        self._lines.put((line, done))
        await done

    def _run(self) -> None:
        while True:
            batch = [self._lines.get()]
            while not self._lines.empty():
                batch.append(self._lines.get())
            os.write(self._descriptor, b"".join(line for line, _ in batch))
            os.fdatasync(self._descriptor)
            self._loop.call_soon_threadsafe(_confirm, [done for _, done in batch])


def _confirm(waiting: list[asyncio.Future[None]]) -> None:
    for done in waiting:
        if not done.done():
            done.set_result(None)


class Floor:
    """The application's handlers."""

    def __init__(self, upstream: str, token: str, audit: AuditFile, session: aiohttp.ClientSession) -> None:
        self._upstream = upstream
        self._url = f"{upstream}/v1/messages"
        self._authorization = f"Bearer {token}".encode()
        self._audit = audit
        self._session = session
        self._sdk: Any = None
        self._conversations: dict[str, list[Any]] = {}

    def _check(self, request: web.Request) -> None:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), self._authorization):
            raise web.HTTPUnauthorized

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/messages."""
        began = time.perf_counter()
        self._check(request)
        body = await request.read()
        asked = orjson.loads(body)
        headers = {"x-api-key": "key", "anthropic-version": "2023-06-01", "content-type": "application/json"}
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            stream = asked.get("stream") is True and answer.status == _SUCCESS
            response = await (self._stream if stream else self._whole)(request, answer)
        REQUESTS.labels(str(response.status)).inc()
        SECONDS.observe(time.perf_counter() - began)
        return response

    async def _whole(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.Response:
        del request
        body = await answer.read()
        await self._audit.write(_line(answer.status))
        return web.Response(body=body, status=answer.status, content_type=answer.content_type)

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": answer.headers["Content-Type"]})
        await response.prepare(request)
        held = b""
        async for chunk in answer.content.iter_any():
            if held:
                await response.write(held)
            held = chunk
        await self._audit.write(_line(answer.status))
        await response.write(held)
        await response.write_eof()
        return response

    async def chat(self, request: web.Request) -> web.Response:
        """POST /v1/chat: a turn, through the SDK. What was said before is in memory, and never forgotten."""
        began = time.perf_counter()
        self._check(request)
        asked = orjson.loads(await request.read())
        earlier = self._conversations.setdefault(asked["senderId"], [])
        reply = await self._ask([*earlier, _said("user", asked["text"], **_CACHED)])
        earlier += (_said("user", asked["text"]), _said("assistant", reply))
        await self._audit.write(_line(_SUCCESS, sender=asked["senderId"], message=asked["text"], reply=reply))
        REQUESTS.labels(str(_SUCCESS)).inc()
        SECONDS.observe(time.perf_counter() - began)
        return web.json_response({"reply": reply})

    async def _ask(self, messages: list[Any]) -> str:
        """The text of a streamed answer, from its events as they are."""
        if self._sdk is None:
            anthropic = importlib.import_module("anthropic")  # As in the gateway, not before it listens.
            http = anthropic.DefaultAioHttpClient()
            self._sdk = anthropic.AsyncAnthropic(api_key="key", base_url=self._upstream, http_client=http)
        pieces = []
        stream = await self._sdk.messages.create(model=MODEL, max_tokens=_MAX_TOKENS, messages=messages, stream=True)
        async with stream:
            async for event in stream.raw_events(stream.response):
                told = orjson.loads(event.data)
                if told["type"] == "content_block_delta":
                    pieces.append(told["delta"]["text"])
        return "".join(pieces)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """GET /ws: a socket that stays open once its first message holds the token."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        first = orjson.loads((await socket.receive_str()).encode())
        if hmac.compare_digest(b"Bearer " + str(first.get("token")).encode(), self._authorization):
            await socket.send_str('{"type":"res","ok":true}')
            async for each in socket:
                if each.type is WSMsgType.ERROR:
                    break
        return socket


def _said(role: str, text: str, **settings: object) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text, **settings}]}


def _line(status: int, **said: str) -> bytes:
    line = {"time": time.time(), "type": "model.message", "actor": "shared", "status": status, **said}
    return orjson.dumps(line) + b"\n"


async def serve(port: int, upstream: str, directory: Path) -> None:
    """Answer for ever."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:
        floor = Floor(upstream, os.environ["GATEWAY_TOKEN"], AuditFile(directory), session)
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_post("/v1/messages", floor.messages)
        app.router.add_post("/v1/chat", floor.chat)
        app.router.add_get("/ws", floor.socket)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        await asyncio.Event().wait()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.upstream, options.directory))


if __name__ == "__main__":
    main()
