"""The process's life: load, listen, serve, and on SIGTERM finish what is in flight."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from aiohttp import web
from aiohttp.http import HttpProcessingError

from tenantry_config.errors import ConfigError
from tenantry_config.version import __version__
from tenantry_gateway.app import build_app
from tenantry_gateway.audit.event import AuditEvent
from tenantry_gateway.audit.key import VARIABLE as AUDIT_KEY
from tenantry_gateway.background import mend, tell_refusals
from tenantry_gateway.errors import GatewayError, InvalidRequest, error_body
from tenantry_gateway.logs import Redactor
from tenantry_gateway.middleware.record import new_request_id
from tenantry_gateway.providers.anthropic import AnthropicModel
from tenantry_gateway.reload import Reloader, probe_address
from tenantry_gateway.settings import HEADER_SECONDS, Settings
from tenantry_gateway.standby import stand_by
from tenantry_gateway.state import GatewayState, build_state
from tenantry_gateway.state_directory import StateDirectory
from tenantry_gateway.storage.disk import Disk
from tenantry_gateway.storage.lock import InUse
from tenantry_gateway.tracing import secrets_of, start_tracing
from tenantry_gateway.variables import Variables, read_secrets

logger = logging.getLogger(__name__)

_CANCEL_SECONDS: Final = 3.0
_KEEPALIVE_SECONDS: Final = 650.0
"""Longer than common proxies keep idle connections, so that it is never the gateway that closes one in use."""
_INTERRUPTED: Final = 130

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Protocol(web.RequestHandler):
    """aiohttp's HTTP connection, with requests that are not HTTP answered as JSON, and slow ones not waited for.

    aiohttp's own text quotes the request, and so may hold a token. It waits for the headers of a request as long as for
    the next request of an idle connection.
    """

    def __init__(
        self,
        manager: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        header_seconds: float = HEADER_SECONDS,
        keepalive_timeout: float = _KEEPALIVE_SECONDS,
    ) -> None:
        super().__init__(manager, loop=loop, keepalive_timeout=keepalive_timeout)
        self._header_seconds = header_seconds
        self._header_timer: asyncio.TimerHandle | None = None

    def log_exception(self, *args: object, **kw: object) -> None:
        """Log a fault; a body that ends badly is its client's, and was answered."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError | HttpProcessingError):
            super().log_exception(*args, **kw)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the client its time from now on."""
        super().connection_made(transport)
        self._start_header_timer()

    def data_received(self, data: bytes) -> None:
        """Parse; the time for headers runs from their first byte until they are whole, however many bytes come."""
        known = self._request_count
        super().data_received(data)
        if self._request_count != known:
            self._stop_header_timer()
        elif self._is_waiting() and self._header_timer is None:
            self._start_header_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the timer with the connection."""
        self._stop_header_timer()
        super().connection_lost(exc)

    def _is_waiting(self) -> bool:
        """Whether no request is there to be answered."""
        return self._waiter is not None and not self._waiter.done()

    def _start_header_timer(self) -> None:
        self._header_timer = self._loop.call_later(self._header_seconds, self._give_up)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        self._header_timer = None
        if self._is_waiting():
            logger.debug("a client did not send a request in time")
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that could not be parsed, or whose handler broke the middleware itself.

        Raises ConnectionError where the client is gone, or has half an answer: then the connection ends.
        """
        if isinstance(exc, ConnectionError):
            raise exc
        del request, message
        request_id = new_request_id()
        if status == web.HTTPBadRequest.status_code:
            logger.info("malformed request", extra={"request_id": request_id, "error": type(exc).__name__})
            body = error_body(InvalidRequest.type, "not valid HTTP, or headers that are too large", request_id)
        else:
            logger.error("request failed", exc_info=exc, extra={"request_id": request_id})
            body = error_body(GatewayError.type, "an error of the gateway itself", request_id)
        response = web.json_response(body, status=status, headers={"request-id": request_id})
        response.headers["Server"] = "tenantry-gateway"
        response.force_close()
        return response


class Server:
    """One gateway process."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._settings = settings
        self._drain_seconds = settings.drain_seconds
        self._model = AnthropicModel()
        self._redactor = redactor
        self._directory = StateDirectory(settings.state_dir, Disk(), _now)
        self._stop = asyncio.Event()
        self._interrupts = 0

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raises ConfigError where the gateway cannot start."""
        self._handle_signals()
        if await self._has_directory():
            self._redactor.learn(secrets_of(self._settings.environment))
            tracer = await asyncio.to_thread(start_tracing, self._settings.environment)
            try:
                await self._serve(build_state(self._model, self._directory, tracer=tracer))
            except ConfigError:
                self._directory.writer.note(AuditEvent("gateway.start", "failure", target=__version__))
                raise
            else:
                self._directory.writer.note(AuditEvent("gateway.stop", "success", target=__version__))
            finally:
                await self._directory.close()
                await tracer.close()
        logger.info("stopped")

    async def _has_directory(self) -> bool:
        """Open the state directory; False where the process is to end before it can be had."""
        try:
            self._open_directory()
        except InUse:
            if not self._settings.standby:
                raise
            bind, port = probe_address(self._settings)
            return await stand_by(self._open_directory, bind, port, self._stop)
        return True

    async def _serve(self, state: GatewayState) -> None:
        reloader = Reloader(self._settings, state, self._redactor)
        bind, port = await reloader.start()
        runner = web.AppRunner(
            build_app(state),
            handler_cancellation=True,
            shutdown_timeout=_CANCEL_SECONDS,
        )
        await runner.setup()
        background: list[asyncio.Task[None]] = []
        try:
            listener = await self._listen(runner, bind, port)
            self._directory.writer.note(AuditEvent("gateway.start", "success", target=__version__))
            background = [
                asyncio.create_task(work)
                for work in (reloader.watch(), self._load_model(), tell_refusals(state), mend(state))
            ]
            await self._stop.wait()
            await self._drain(state, listener)
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await runner.cleanup()
            await self._model.close()
            await state.relay.close()
            state.directory.writer.note(*state.tally.take())

    async def _load_model(self) -> None:
        """Import the SDK; what is loaded by then stays, and later collections need not look through it.

        They would hold up every stream for a tenth of a second and more.
        """
        await self._model.load()
        gc.collect()
        gc.freeze()

    def _open_directory(self) -> None:
        variables = Variables(read_secrets(self._settings.secrets_dir, {}), self._settings.environment)
        self._directory.open(variables.value(AUDIT_KEY))

    async def _listen(self, runner: web.AppRunner, bind: str, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        manager = runner.server
        if manager is None:
            raise RuntimeError("the runner was not set up")
        manager.request_handler = _answering(manager.request_handler)
        seconds = self._settings.header_seconds
        try:
            listener = await loop.create_server(
                lambda: Protocol(manager, loop=loop, header_seconds=seconds),
                bind,
                port,
                backlog=1024,
            )
        except OSError as error:
            raise ConfigError("gateway.port", f"cannot listen on {bind} port {port}: {error.strerror}") from error
        host, actual = listener.sockets[0].getsockname()[:2]
        logger.info("listening", extra={"address": host, "port": actual})
        return listener

    async def _drain(self, state: GatewayState, listener: asyncio.Server) -> None:
        """Accept nothing new and wait for what is in flight; on connections that stay open, answer and close."""
        state.draining = True
        in_flight = state.in_flight
        logger.info("draining", extra={"in_flight": int(in_flight)})
        listener.close()
        try:
            async with asyncio.timeout(self._drain_seconds):
                await state.sockets.end()
                await in_flight.idle()
        except TimeoutError:
            logger.warning("requests are broken off", extra={"in_flight": int(in_flight)})

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)

    def _interrupt(self) -> None:
        """Ctrl-C drains like SIGTERM; the second one ends the process at once."""
        self._interrupts += 1
        self._stop.set()
        if self._interrupts > 1:
            logging.shutdown()
            os._exit(_INTERRUPTED)


def _answering(handler: Handler) -> Handler:
    """`handler`, with what aiohttp refuses before any middleware, an unknown `Expect`, answered as JSON."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            request_id = new_request_id()
            body = error_body(InvalidRequest.type, "the request expects what this gateway does not do", request_id)
            response = web.json_response(body, status=error.status, headers={"request-id": request_id})
            response.force_close()
            return response

    return answer


def _now() -> datetime:
    return datetime.now(UTC)


def _allow_many_files() -> None:
    """Take the descriptors that the process may have: each connection and each open session needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(settings: Settings, redactor: Redactor) -> None:
    """Run a gateway to its end; raises ConfigError where it cannot start."""
    _allow_many_files()
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings, redactor))


async def _serve(settings: Settings, redactor: Redactor) -> None:
    await Server(settings, redactor).run()
