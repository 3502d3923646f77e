"""The connection to the Anthropic API for what is passed on: aiohttp alone, one session for the process."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from io import BytesIO
from types import TracebackType
from typing import Final

import aiohttp

from tenantry_gateway.errors import UpstreamError, UpstreamTimeout

_CONNECT_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 600.0
_WHOLE: Final = aiohttp.ClientTimeout(total=_SILENCE_SECONDS, sock_connect=_CONNECT_SECONDS)
_STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
"""A stream may last as long as it speaks. Its clock is set anew with each piece, which a whole answer need not pay."""
_LARGE: Final = 256 * 1024
_DEFAULT_URL: Final = "https://api.anthropic.com"


class RelayClient:
    """Opened with the first request."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def post(
        self, base_url: str | None, path: str, body: bytes, headers: Mapping[str, str], *, stream: bool
    ) -> Awaitable[aiohttp.ClientResponse]:
        """An open answer, whatever its status. Await and read it within `UPSTREAM_ERRORS`, and close it."""
        session = self._session
        if session is None:
            session = self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),  # What one client is answered is no other's business.
                auto_decompress=False,
            )
        return session.post(
            f"{base_url or _DEFAULT_URL}{path}",
            data=BytesIO(body) if len(body) > _LARGE else body,  # aiohttp writes it piece by piece
            headers=headers,
            allow_redirects=False,
            timeout=_STREAM if stream else _WHOLE,
        )


class _UpstreamErrors:
    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, TimeoutError):
            raise UpstreamTimeout("the Anthropic API did not answer in time") from error
        if isinstance(error, aiohttp.ClientConnectorError):
            reason = "the Anthropic API cannot be reached: check provider.baseUrl and the network"
            raise UpstreamError(reason) from error
        if isinstance(error, aiohttp.ClientError):
            raise UpstreamError("the Anthropic API broke its answer off") from error


UPSTREAM_ERRORS: Final = _UpstreamErrors()
"""A block that turns what the client library raises, while an answer is awaited or read, into UpstreamError."""
