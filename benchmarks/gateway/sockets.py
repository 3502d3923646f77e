"""The phase ``websockets``: memory of WebSockets that are open and silent."""

import argparse
import asyncio
import base64
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

from benchmarks.fleet.usage import KIB, memory
from benchmarks.gateway.load import HOST
from benchmarks.gateway.systems import TOKEN, Bench, System
from dev.console import say
from dev.errors import DevError

SPARE_FILES = 500
"""Descriptors that a process needs besides those of the sockets."""
AT_ONCE = 50
WARM_UP = 20
SETTLE_SECONDS = 3.0
PATIENCE = 30.0
_SWITCHING = b"HTTP/1.1 101 "
_TEXT_FRAME = 0x81
_MASKED = 0x80
_SHORT = 126

Socket = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Refused(DevError):
    """The server does not take WebSockets."""


def measure(bench: Bench, state: Path, options: argparse.Namespace) -> dict[str, Any]:
    """KiB of each socket, by system: aiohttp alone and the gateway. A server that refuses them is left out."""
    _allow_files(options.sockets + SPARE_FILES)
    found: dict[str, Any] = {"sockets": options.sockets, "kib_per_socket": {}}
    with bench.upstream() as upstream:
        with bench.floor(upstream.url, state) as floor:
            floor.wait_to_listen()
            found["kib_per_socket"]["floor"] = asyncio.run(_kib_per_socket(floor, options.sockets))
        with bench.gateway(upstream.url, state) as gateway:
            gateway.wait_for("/ready")
            time.sleep(SETTLE_SECONDS)  # It loads the SDK.
            try:
                found["kib_per_socket"]["gateway"] = asyncio.run(_kib_per_socket(gateway, options.sockets))
            except Refused as error:
                say(f"websockets: left out, {error}")
    return found


async def _kib_per_socket(system: System, number: int) -> float:
    """Growth of resident memory for each socket, after some that have warmed the server up."""
    say(f"{number:,} WebSockets to {system.log.stem}")
    opened = await _open(system.port, WARM_UP)
    await asyncio.sleep(SETTLE_SECONDS)
    before = memory(system.pid).now
    opened += await _open(system.port, number)
    await asyncio.sleep(SETTLE_SECONDS)
    growth = memory(system.pid).now - before
    for _, writer in opened:
        writer.close()
    return round(growth / number / KIB, 1)


async def _open(port: int, number: int) -> list[Socket]:
    opened: list[Socket] = []
    while len(opened) < number:
        some = min(AT_ONCE, number - len(opened))
        async with asyncio.timeout(PATIENCE):
            opened += await asyncio.gather(*(connect(port) for _ in range(some)))
    return opened


async def connect(port: int) -> Socket:
    """An open socket whose first message was answered. Raises Refused."""
    reader, writer = await asyncio.open_connection(HOST, port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(_SWITCHING):
            raise Refused(f"the upgrade of /ws was answered by {head.splitlines()[0].decode(errors='replace')!r}")
        writer.write(text_frame(json.dumps({"type": "connect", "protocol": 1, "token": TOKEN}).encode(), os.urandom(4)))
        first = await reader.readexactly(2)
    except asyncio.IncompleteReadError as error:
        raise Refused("the connection was closed") from error
    if first[0] != _TEXT_FRAME:
        raise Refused(f"the first message was answered by a frame that begins with {first.hex()}")
    return reader, writer


def text_frame(text: bytes, mask: bytes) -> bytes:
    """A client's message in one frame: masked, up to 65,535 bytes (RFC 6455, 5.2)."""
    length = len(text)
    head = bytes((_TEXT_FRAME, _MASKED | length)) if length < _SHORT else bytes((_TEXT_FRAME, _MASKED | _SHORT))
    extended = b"" if length < _SHORT else length.to_bytes(2, "big")
    return head + extended + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))


def _allow_files(number: int) -> None:
    """Raise the limit of open files, for this process and those that it starts. Raises DevError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= number:
        return
    if hard != resource.RLIM_INFINITY and hard < number:
        raise DevError(f"{number} open files are needed and {hard} allowed: ulimit -n, or fewer --sockets")
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
