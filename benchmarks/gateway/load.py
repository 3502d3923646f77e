"""The load: connections that each send a request as soon as the last one is answered, and streams that come in turn.

Protocols on bare transports, so that what is measured is not the client.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

from benchmarks.gateway.http1 import AnswerReader, NotHttp

HOST = "127.0.0.1"
STREAM_END = b'"message_stop"'
_OK = 200
_PATIENCE = 60.0


@dataclass(slots=True)
class Tally:
    """How long each answer took, in seconds, how many were no answer with status 200, and how long all took."""

    seconds: list[float] = field(default_factory=list)
    failures: int = 0
    elapsed: float = 0.0


class _Connection(asyncio.Protocol):
    """One connection: sends what `requests` yields until it ends or the deadline passes."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, deadline: float, *, end: bytes = b"") -> None:
        """`end`: what a body's last bytes must hold."""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._tally = tally
        self._deadline = deadline
        self._end = end
        self._reader = AnswerReader()
        self._transport: asyncio.Transport | None = None
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self) -> None:
        """Send the next request, or end."""
        assert self._transport is not None
        now = time.perf_counter()
        wanted = next(self._requests, None) if now < self._deadline else None
        if wanted is None:
            self._began = 0.0
            self._transport.close()
            return
        self._began = now
        self._transport.write(wanted)

    def data_received(self, data: bytes) -> None:
        """Count an answer that is whole, and go on."""
        try:
            status = self._reader.feed(data)
        except (NotHttp, ValueError):
            assert self._transport is not None
            self._transport.abort()
            return
        if status is None:
            return
        if status == _OK and self._end in self._reader.tail:
            self._tally.seconds.append(time.perf_counter() - self._began)
        else:
            self._tally.failures += 1
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """What was not answered has failed."""
        del exc
        if self._began:
            self._tally.failures += 1
        if not self.done.done():
            self.done.set_result(None)


async def closed_loop(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Tally:
    """Ask on some connections at once for some seconds, or until the requests end (`inf`)."""
    tally = Tally()
    began = time.perf_counter()
    opened = [await _connect(port, requests, tally, began + seconds) for _ in range(connections)]
    for connection in opened:
        connection.send()
    await _all_done(opened, seconds)
    tally.elapsed = time.perf_counter() - began
    return tally


async def streams(port: int, request: bytes, number: int, spread: float, seconds: float) -> Tally:
    """Ask once on each of some connections, evenly spread over `spread` seconds; each answer is a stream.

    `seconds`: how long one takes at least.
    """
    tally = Tally()
    never = float("inf")
    opened = [await _connect(port, repeat(request, 1), tally, never, STREAM_END) for _ in range(number)]
    began = time.perf_counter()
    for index, connection in enumerate(opened):
        await asyncio.sleep(max(0.0, began + spread * index / number - time.perf_counter()))
        connection.send()
    await _all_done(opened, seconds)
    tally.elapsed = time.perf_counter() - began
    return tally


async def _connect(
    port: int, requests: Iterator[bytes], tally: Tally, deadline: float, end: bytes = b""
) -> _Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: _Connection(requests, tally, deadline, end=end), HOST, port)
    return connection


async def _all_done(connections: list[_Connection], seconds: float) -> None:
    """Raises TimeoutError where an answer is missing long after the end."""
    async with asyncio.timeout(None if seconds == float("inf") else seconds + _PATIENCE):
        await asyncio.gather(*(connection.done for connection in connections))
