"""One HTTP session to the API server: authentication, retries, errors as types, counting, the server's warnings.

Retries are short and few: a worker must not sit on a failing request while others wait, so that what lasts longer is
raised and the queue's back-off takes over.
"""

import asyncio
import logging
from asyncio import sslproto
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from tenantry_operator.kube.credentials import Credentials, CredentialsError
from tenantry_operator.kube.errors import (
    ApiError,
    TimedOutError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    from_status,
)
from tenantry_operator.kube.kinds import Json
from tenantry_operator.metrics import Metrics

log = logging.getLogger(__name__)

ATTEMPTS = 4
BASE_DELAY = 0.1
MAX_DELAY = 2.0
"""Seconds; a server that asks for a longer pause is obeyed by the queue, not by a sleeping worker."""
CONNECT_SECONDS = 5.0
TLS_BUFFER = 64 * 1024
"""Bytes that are kept ready for each connection; asyncio would keep four times as much, 10 MiB for forty of them."""
READING = frozenset({"GET", "HEAD"})
MAX_REMEMBERED_WARNINGS = 1000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for the API server, in seconds."""

    request: float = 30.0
    """For an answer. Longer than it takes for itself where it asks slow webhooks and a slow etcd."""
    idle: float = 90.0
    """For the next line of a watch: a bookmark comes about once a minute, so that a longer silence is a dead watch."""

    @property
    def of_request(self) -> aiohttp.ClientTimeout:
        """Limits of a plain request."""
        return aiohttp.ClientTimeout(total=self.request, sock_connect=CONNECT_SECONDS)

    @property
    def of_watch(self) -> aiohttp.ClientTimeout:
        """Limits of a watch: without an end, but not silent."""
        return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=self.idle)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, prepared: sending it needs nothing else. ``verb`` and ``resource`` are labels for counting."""

    verb: str
    resource: str
    method: str
    path: str
    params: Mapping[str, str]
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        """Request headers besides authentication."""
        # Within a cluster packing costs both sides more than the bytes that it saves.
        headers = {"Accept": self.accept, "Accept-Encoding": "identity"}
        if self.body is not None:
            headers["Content-Type"] = self.content_type
        return headers

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def retry_delay(error: ApiError, attempt: int, rand: Callable[[], float], attempts: int = ATTEMPTS) -> float | None:
    """Seconds until attempt number ``attempt`` + 1 (from 1), or None to give up; ``rand`` is uniform in [0, 1)."""
    if isinstance(error, TimedOutError) or not isinstance(error, TooManyRequestsError | UnavailableError):
        return None
    if attempt >= attempts:
        return None
    delay = BASE_DELAY * 2 ** (attempt - 1) * (0.5 + rand())
    asked = error.retry_after or 0.0
    return None if asked > MAX_DELAY else max(delay, asked)


class Transport:
    """An open session. Close it with ``close``.

    ``fence`` is called immediately before each request that changes something is sent, and may raise.
    """

    def __init__(
        self,
        credentials: Credentials,
        metrics: Metrics,
        user_agent: str,
        rand: Callable[[], float],
        timeouts: Timeouts,
        fence: Callable[[], None] | None = None,
    ) -> None:
        self.credentials = credentials
        self.timeouts = timeouts
        self._metrics = metrics
        self._user_agent = user_agent
        self._rand = rand
        self._warned: set[str] = set()
        self._request_class = _fenced(fence) if fence else aiohttp.ClientRequest
        self._session = self.new_session()
        self._retired: list[aiohttp.ClientSession] = []
        self._endpoint = credentials.endpoint()
        self._renewals = 0
        self._renewal = asyncio.Lock()

    def new_session(self, *middlewares: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
        """A session with our credentials and name, also for kopf, which takes one ready-made; the caller closes it."""
        sslproto.SSLProtocol.max_size = TLS_BUFFER
        return aiohttp.ClientSession(
            # Without a limit: a request that hangs must not keep others from being sent. Who asks is limited elsewhere.
            connector=aiohttp.TCPConnector(ssl=self.credentials.ssl_context(), limit=0),
            request_class=self._request_class,
            headers={"User-Agent": self._user_agent},
            middlewares=(self._authenticate, *middlewares),
            timeout=self.timeouts.of_request,
        )

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._session, *self._retired):
            await session.close()

    async def send(
        self, request: Request, limits: aiohttp.ClientTimeout | None = None, attempts: int = ATTEMPTS
    ) -> Json:
        """The answer's JSON; raises as ``fetch`` does."""
        return json_object(await self.fetch(request, limits, attempts))

    async def fetch(
        self, request: Request, limits: aiohttp.ClientTimeout | None = None, attempts: int = ATTEMPTS
    ) -> bytearray:
        """The answer's body, after retries; rejected credentials are read again in any case.

        Raises:
            ApiError: one of its subclasses, for every answer that is not a success.
        """
        attempt = 0
        while True:
            attempt += 1
            renewals = self._renewals
            try:
                async with self.open(request, limits) as response:
                    return await _whole_body(response)
            except ApiError as error:
                delay = retry_delay(error, attempt, self._rand, attempts)
                if isinstance(error, UnauthorizedError) and attempt == 1:
                    await self._renew(renewals)
                    delay = 0.0
                if delay is None:
                    raise
                log.debug("retrying in %.1f s: %s", delay, error)
                await asyncio.sleep(delay)

    @asynccontextmanager
    async def open(
        self, request: Request, limits: aiohttp.ClientTimeout | None = None, *, any_status: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One attempt; the response is a success (unless ``any_status``) and its body is still to be read.

        Raises:
            ApiError: also when the connection breaks or stalls while the body is read.
        """
        code = 0
        try:
            async with self._session.request(
                request.method,
                f"{self.credentials.server}{request.path}",
                params=request.params,
                data=request.body,
                headers=request.headers,
                timeout=limits or self.timeouts.of_request,
            ) as response:
                code = response.status
                self._log_warnings(response, request)
                if code >= 400 and not any_status:
                    raise from_status(code, json_object(await response.read()), str(request), _retry_after(response))
                yield response
        except TimeoutError as error:
            raise TimedOutError(0, "TimedOut", str(error) or "no answer in time", str(request)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(0, type(error).__name__, str(error) or "broken off", str(request)) from error
        finally:
            self._metrics.api_requests.labels(request.verb, request.resource, str(code)).inc()

    async def _authenticate(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.update(await self.credentials.headers())
        return await handler(request)

    async def _renew(self, known: int) -> None:
        """Read the credentials again, once for all requests that were refused with the same ones.

        New connections are made only where the server or a certificate has changed. The old ones are left to end by
        themselves: watches that are open on them go on, and closing them under a reader would leave it waiting.
        """
        async with self._renewal:
            if self._renewals != known:
                return
            self._renewals += 1
            log.info("the API server refused our credentials: reading them again")
            await self.reload()
            endpoint = self.credentials.endpoint()
            if endpoint != self._endpoint:
                self._endpoint = endpoint
                self._retired.append(self._session)
                self._session = self.new_session()

    async def reload(self) -> None:
        """Read the credentials again; those that cannot be read (a file half written) leave the old ones in place."""
        try:
            await self.credentials.reload()
        except CredentialsError as error:
            log.warning("%s", error)

    def _log_warnings(self, response: aiohttp.ClientResponse, request: Request) -> None:
        """Log each of the server's warnings (deprecated fields and the like) once in a process."""
        for warning in response.headers.getall("Warning", ()):
            if warning not in self._warned and len(self._warned) < MAX_REMEMBERED_WARNINGS:
                self._warned.add(warning)
                log.warning("the API server warns about %s: %s", request, warning)


def _fenced(fence: Callable[[], None]) -> type[aiohttp.ClientRequest]:
    """A request that asks before it is sent, after any wait for a connection: much may have changed meanwhile."""

    class FencedRequest(aiohttp.ClientRequest):
        async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
            if self.method not in READING:
                fence()
            return await super().send(conn)

    return FencedRequest


async def _whole_body(response: aiohttp.ClientResponse) -> bytearray:
    """All of it in one place.

    The API server sends a list in pieces of about 1 KiB. ``response.read()`` keeps thousands of them until the last one
    has come, and where they were on the heap there are gaps afterwards, into which small things move that stay.
    """
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
    return body


def json_object(body: bytes | bytearray) -> Json:
    """A body as a JSON object; for anything else (proxies answer with HTML) its beginning as ``message``."""
    try:
        parsed: Any = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        return {"message": body[:200].decode(errors="replace")}
    return parsed if isinstance(parsed, dict) else {}


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
