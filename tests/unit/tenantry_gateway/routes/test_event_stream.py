"""Server-sent events: heartbeats, and clients that leave."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tenantry_gateway.routes.event_stream import EventStream
from tests.unit.tenantry_gateway.harness import until


async def body_of(handler: web.AbstractRouteDef) -> str:
    app = web.Application()
    app.add_routes([handler])
    async with TestClient(TestServer(app)) as client:
        return await (await client.get("/")).text()


async def test_a_quiet_stream_beats_and_a_busy_one_does_not() -> None:
    quiet = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        events = EventStream(request, heartbeat_seconds=0.01)
        async with events.heartbeat():
            await until(lambda: events.started)
            quiet.set()
            await events.send("done", {})
        return await events.finish()

    text = await body_of(web.get("/", stream))

    assert quiet.is_set()
    assert text.startswith(": heartbeat\n\n")
    assert text.endswith("event: done\ndata: {}\n\n")


async def test_text_with_line_breaks_stays_one_event() -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        events = EventStream(request)
        await events.text("a\nb\r\n\n event: done ü\u2028")
        return await events.finish()

    text = await body_of(web.get("/", stream))

    assert text.count("\n\n") == 1
    assert text.startswith('event: delta\ndata: {"text": "a\\nb\\r\\n\\n event: done ü')


async def test_a_fault_in_the_body_ends_the_heartbeat_and_is_raised() -> None:
    fault = ValueError("boom")

    async def stream(request: web.Request) -> web.StreamResponse:
        events = EventStream(request, heartbeat_seconds=60)
        with pytest.raises(ValueError, match="boom"):
            async with events.heartbeat():
                raise fault
        assert not events.started
        return web.Response(text="early enough for a status")

    assert await body_of(web.get("/", stream)) == "early enough for a status"
    assert len(asyncio.all_tasks()) == 1


async def test_writing_to_a_client_that_left_raises_a_connection_error() -> None:
    outcome: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    left = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        events = EventStream(request)
        await events.text("first")
        await left.wait()
        try:
            for _ in range(1000):
                await events.text("x" * 65536)
        except ConnectionError as error:
            outcome.set_result(error)
            raise
        return await events.finish()

    app = web.Application()
    app.router.add_get("/", stream)
    async with TestClient(TestServer(app)) as client:
        response = await client.get("/")
        response.close()
        left.set()
        assert isinstance(await asyncio.wait_for(outcome, 10), ConnectionError)
        with pytest.raises(Exception, match=r"."):
            await response.text()
