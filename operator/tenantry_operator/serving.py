"""What the operator serves: its metrics, and answers to the kubelet's probes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Check = Callable[[], Mapping[str, object]]
"""What is wrong, by name; nothing if nothing is. In the operator's own loop: one that hangs answers nothing at all."""


@asynccontextmanager
async def serve_metrics(host: str, port: int, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Serve ``/metrics`` while inside. In the operator's own loop, so that no number is read half-way.

    Raises:
        OSError: if the address is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async with _serve(host, port, {"/metrics": metrics}):
        yield


@asynccontextmanager
async def serve_probes(host: str, port: int, *, unhealthy: Check, unready: Check) -> AsyncIterator[None]:
    """Serve ``/healthz`` and ``/readyz`` while inside: 200, or 503 with what is wrong.

    Raises:
        OSError: if the address is taken.
    """
    async with _serve(host, port, {"/healthz": _probe(unhealthy), "/readyz": _probe(unready)}):
        yield


def _probe(check: Check) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        wrong = check()
        return web.json_response({"status": "failing" if wrong else "ok", **wrong}, status=503 if wrong else 200)

    return answer


@asynccontextmanager
async def _serve(host: str, port: int, handlers: Mapping[str, Handler]) -> AsyncIterator[None]:
    app = web.Application()
    for path, handler in handlers.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
