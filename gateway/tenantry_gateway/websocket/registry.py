"""All connections, so that a process that stops can end them well."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from aiohttp import WSCloseCode

from tenantry_gateway.websocket.connection import Connection

MIN_RETRY_MS: Final = 1_000
MAX_RETRY_MS: Final = 15_000
"""Clients come back spread over this time: another process starts meanwhile, and they do not all come at once."""


class Registry:
    """The open connections."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        """A client has connected."""
        self._connections.add(connection)

    def remove(self, connection: Connection) -> None:
        """It is gone."""
        self._connections.discard(connection)

    async def end(self) -> None:
        """Wait for each connection's calls, tell its client when to come back, and close it with 1012."""
        await asyncio.gather(*map(_end, tuple(self._connections)), return_exceptions=True)


async def _end(connection: Connection) -> None:
    if connection.calls:
        await asyncio.wait(connection.calls.values())
    retry = random.randint(MIN_RETRY_MS, MAX_RETRY_MS)  # noqa: S311 - spreads load, guards nothing
    await connection.event("shutdown", {"retryAfterMs": retry})
    await connection.close(WSCloseCode.SERVICE_RESTART, f"restarting: retry after {retry} ms")
