"""The gateway as a process against clients that break HTTP, on purpose or not."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dev.anthropic_standin.server import running_standin
from tests.integration.gateway_harness import AGENT, API_KEY, SECONDS, TOKEN, Gateway, Place, until

HOST = b"Host: gateway\r\n"
AUTHORIZED = HOST + f"Authorization: Bearer {TOKEN}\r\n".encode()
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
CHAT = json.dumps({"text": "hi"}).encode()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running_standin() as base_url:
        place = Place(tmp_path, base_url)
        place.configure(AGENT % "one")
        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})
        yield place


@pytest.fixture
async def gateway(place: Place) -> AsyncIterator[Gateway]:
    """A gateway that must have got through the test unharmed."""
    async with place.listening() as gateway:
        yield gateway
        await is_well(gateway)


async def is_well(gateway: Gateway) -> None:
    """It answers others, and its log tells of no fault of its own and no secret."""
    async with gateway.session.get(f"{gateway.url}/health") as response:
        assert response.status == 200
    status, answer = await gateway.chat("hi", agentId=None)
    assert (status, answer["agentId"]) == (200, "main")
    assert not [line for line in gateway.lines if "exc_info" in line or line["level"] == "error"]
    assert TOKEN not in "".join(gateway.raw)


def post(path: str, *headers: bytes, body: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\n".encode() + AUTHORIZED + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body


class Answer:
    """One HTTP answer as bytes."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.status = int(head.split(b" ", 2)[1])
        lines = head.decode().split("\r\n")[1:]
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.body = body

    def error(self) -> str:
        """The error's type, of an answer that has the API's shape."""
        answer = json.loads(self.body)
        assert set(answer) == {"type", "error", "request_id"}
        assert answer["type"] == "error"
        assert set(answer["error"]) == {"type", "message"}
        assert answer["request_id"] in {self.headers["request-id"], self.headers.get("upstream-request-id")}
        assert answer["request_id"].startswith("req_")
        kind: str = answer["error"]["type"]
        return kind


@asynccontextmanager
async def connection(gateway: Gateway) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        return Answer(head.removesuffix(b"\r\n\r\n"), await reader.readexactly(length))


async def ask(gateway: Gateway, request: bytes) -> tuple[Answer, bool]:
    """The answer to `request`, and whether the gateway closed the connection after it."""
    async with connection(gateway) as (reader, writer):
        with suppress(ConnectionError):
            writer.write(request)
            await writer.drain()
        answer = await read_answer(reader)
        try:
            rest = await asyncio.wait_for(reader.read(1), 1.0)
        except TimeoutError:
            return answer, False
        except ConnectionError:
            return answer, True
        assert rest == b"", "more than one answer"
        return answer, True


LONG = b"x" * 10_000


MALFORMED: Sequence[bytes] = [
    b"GARBAGE\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET  /health HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/9.9\r\n\r\n",
    b"GET /health HTTP/1.1 x\r\n\r\n",
    b"GET /hea\0lth HTTP/1.1\r\n\r\n",
    b"G\xc3\x8bT /health HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET /health HTTP/1.1\r\n: no name\r\n\r\n",
    b"GET /health HTTP/1.1\r\nA b: c\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost : gateway\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: a\0b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: a\rb\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: " + LONG + b"\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + LONG + b": x\r\n\r\n",
    b"GET /" + LONG + b" HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    b"GET http://[::1/health HTTP/1.1\r\n" + HOST + b"\r\n",
    post("/v1/chat", b"Content-Length: 14", b"Content-Length: 15", body=CHAT),
    post("/v1/chat", b"Content-Length: 14", b"Content-Length: 14", body=CHAT),
    post("/v1/chat", b"Content-Length: 14, 14", body=CHAT),
    post("/v1/chat", b"Content-Length: -1", body=CHAT),
    post("/v1/chat", b"Content-Length: +14", body=CHAT),
    post("/v1/chat", b"Content-Length: 0x0e", body=CHAT),
    post("/v1/chat", b"Content-Length: 1_4", body=CHAT),
    post("/v1/chat", b"Content-Length: 99999999999999999999999", body=CHAT),
    post("/v1/chat", b"Content-Length:", body=CHAT),
    post("/v1/chat", b"Content-Length: 14", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HEALTH),
    post("/v1/chat", b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + HEALTH),
    post("/v1/chat", b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + HEALTH),
    post("/v1/chat", b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HEALTH),
    post("/v1/chat", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HEALTH),
    post("/v1/chat", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + HEALTH),
    post("/v1/chat", b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + HEALTH),
    post("/v1/chat", b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + HEALTH),
    post("/v1/chat", b"Transfer-Encoding: chunked", body=b"zz\r\n\r\n"),
    post("/v1/chat", b"Transfer-Encoding: chunked", body=b"-1\r\n\r\n"),
    post("/v1/chat", b"Transfer-Encoding: chunked", body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    post("/v1/chat", b"Transfer-Encoding: chunked", body=b"5\r\nhelloXX0\r\n\r\n"),
    post("/v1/chat", b"Transfer-Encoding: chunked", body=b"fffffffffffffffffff\r\n"),
]


async def test_what_is_not_http_or_could_be_read_in_two_ways_is_400_and_ends_the_connection(gateway: Gateway) -> None:
    found = await asyncio.gather(*(ask(gateway, request) for request in MALFORMED))

    for request, (answer, closed) in zip(MALFORMED, found, strict=True):
        assert (answer.status, answer.error(), closed) == (400, "invalid_request_error", True), request[:200]


SENSELESS: Sequence[tuple[bytes, int]] = [
    (b"GET /v1/route?channel=\xff HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 400),
    (b"GET /v1/route?channel=\xed\xa0\x80 HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 400),
    (b"GET /v1/sessions?after=\xff HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 400),
    (b"GET /v1/sessions/\xff HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 400),
    (b"GET /\xff\xfe HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 400),
    (b"GET /v1/sessions/%ff%00 HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 404),
    (b"GET /v1/sessions/%2e%2e%2f%2e%2e HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 404),
    (b"GET /v1/sessions/" + b"Li4v" * 1000 + b" HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 404),
    (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 404),
    (b"OPTIONS * HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 404),
    (b"BREW /health HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 400),
    (b"DELETE /health HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", 405),
    (b"GET /v1/sessions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \xff\xfe\r\n\r\n", 401),
    (b"GET /v1/sessions HTTP/1.1\r\nHost: g\r\nX-Api-Key: \xff\r\n\r\n", 401),
    (post("/v1/chat", b"Expect: miracles", b"Content-Length: 14", body=CHAT), 417),
    (post("/nowhere", b"Expect: miracles", b"Content-Length: 14", body=CHAT), 417),
    (post("/v1/chat", b"Content-Encoding: gzip", b"Content-Length: 14", body=CHAT), 400),
    (post("/v1/messages", b"Content-Length: 2", b"Anthropic-Beta: \xff", body=b"{}"), 400),
    (post("/v1/messages", b"Content-Length: 13", b"Anthropic-Beta: \xff", body=b'{"model":"m"}'), 400),
    (b"POST /v1/messages?x=\xff HTTP/1.1\r\n" + AUTHORIZED + b'Content-Length: 13\r\n\r\n{"model":"m"}', 400),
]


async def test_what_is_http_but_makes_no_sense_is_refused_in_the_apis_terms(gateway: Gateway) -> None:
    found = await asyncio.gather(*(ask(gateway, request) for request, _ in SENSELESS))

    for (request, status), (answer, _) in zip(SENSELESS, found, strict=True):
        assert answer.status == status, request[:200]
        assert answer.error(), request[:200]


@pytest.mark.parametrize(("path", "limit"), [("/v1/chat", 1 << 20), ("/v1/messages", 32 << 20)])
async def test_a_body_over_the_limit_is_413_by_its_length_and_by_what_comes(
    gateway: Gateway, path: str, limit: int
) -> None:
    announced = await ask(gateway, post(path, f"Content-Length: {limit + 1}".encode()))
    size = limit + 1
    chunked = post(path, b"Transfer-Encoding: chunked", body=f"{size:x}\r\n".encode() + bytes(size) + b"\r\n0\r\n\r\n")
    sent = await ask(gateway, chunked)

    for answer in (announced[0], sent[0]):
        assert (answer.status, answer.error()) == (413, "request_too_large")


async def test_a_client_that_closes_its_half_counts_as_gone(gateway: Gateway) -> None:
    async with connection(gateway) as (reader, writer):
        writer.write(post("/v1/chat", b"Content-Length: 25", body=b'{"text": "!delay 30 more"}'))
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 10) == b""


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"GET /hea",
        b"GET /health HTTP/1.1\r\nHost: x",
        post("/v1/chat", b"Content-Length: 14", body=CHAT[:5]),
        post("/v1/chat", b"Transfer-Encoding: chunked", body=b"e\r\n" + CHAT[:5]),
    ],
    ids=range(5),
)
async def test_a_client_that_leaves_in_the_middle_of_its_request_leaves_nothing_behind(
    gateway: Gateway, part: bytes
) -> None:
    before = descriptors(gateway)
    for _ in range(20):
        async with connection(gateway) as (_, writer):
            writer.write(part)
            await writer.drain()

    await until(lambda: holds(lambda: descriptors(gateway) <= before + 2))


async def holds(condition: Any) -> bool:
    return bool(condition())


def descriptors(gateway: Gateway) -> int:
    return sum(1 for _ in Path(f"/proc/{gateway.process.pid}/fd").iterdir())


def resident_kib(gateway: Gateway) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    async with connection(gateway) as (reader, writer):
        writer.write(
            HEALTH + post("/v1/chat", b"Content-Length: 14", body=CHAT) + b"GET /no HTTP/1.1\r\n" + HOST + b"\r\n"
        )
        assert [(await read_answer(reader)).status for _ in range(3)] == [200, 200, 404]
        writer.write(HEALTH * 300)
        assert {(await read_answer(reader)).status for _ in range(300)} == {200}


@pytest.fixture
async def impatient(place: Place, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """A gateway that gives its clients 2 s for the headers."""
    environment = {**place.environment(), "TENANTRY_HEADER_SECONDS": "2"}
    monkeypatch.setattr(place, "environment", lambda: environment)
    async with place.listening() as gateway:
        yield gateway
        await is_well(gateway)


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send headers without end, a byte at a time."""
    with suppress(ConnectionError):
        for byte in HEALTH[:-2] + b"X: y\r\n" * 10_000:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("first", [b"", HEALTH], ids=["at once", "after a request"])
async def test_headers_that_come_byte_by_byte_are_not_waited_for(impatient: Gateway, first: bytes) -> None:
    async with connection(impatient) as (reader, writer):
        if first:
            writer.write(first)
            await read_answer(reader)
        dripping = asyncio.create_task(drip(writer))
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        dripping.cancel()


async def test_a_connection_that_was_used_may_idle_longer_than_headers_may_take(impatient: Gateway) -> None:
    async with connection(impatient) as (reader, writer):
        for _ in range(2):
            writer.write(HEALTH)
            assert (await read_answer(reader)).status == 200
            await asyncio.sleep(2.5)
        writer.write(post("/v1/chat", b"Content-Length: 14"))
        await asyncio.sleep(2.5)
        writer.write(CHAT)
        assert (await read_answer(reader)).status == 200


async def test_five_hundred_slow_clients_keep_nobody_waiting_and_are_gone_in_time(impatient: Gateway) -> None:
    await is_well(impatient)
    before = descriptors(impatient)
    async with AsyncExitStack() as stack:
        for _ in range(500):
            _, writer = await stack.enter_async_context(connection(impatient))
            writer.write(HEALTH[:30])
        async with asyncio.timeout(2):
            assert (await impatient.chat("hi"))[0] == 200
        await until(lambda: holds(lambda: descriptors(impatient) <= before + 2))


SEEDS: Sequence[bytes] = (
    HEALTH,
    b"GET /v1/route?channel=slack&senderId=%C3%BC HTTP/1.1\r\n" + AUTHORIZED + b"\r\n",
    b"GET /v1/sessions?limit=5 HTTP/1.1\r\n" + AUTHORIZED + b"\r\n",
    post("/v1/chat", b"Content-Length: 14", b"Content-Type: application/json", body=CHAT),
    post("/v1/chat", b"Transfer-Encoding: chunked", body=b"e\r\n" + CHAT + b"\r\n0\r\n\r\n"),
    post("/v1/messages", b"Content-Length: 13", b"anthropic-version: 2023-06-01", body=b'{"model":"m"}'),
)
SPLICES = (
    *(b"\r\n", b"\n", b"\0", b"\xff", b": ", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Expect: x\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"%00", b"%ff", b"{", b'"', b"..", b"/", b"?"),
    b"9" * 30,
)


def mutate(seed: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[place : place + chance.randint(0, 8)] = chance.choice(SPLICES)
            case 1:
                data[place : place + 1] = bytes((chance.randrange(256),))
            case 2:
                del data[place : place + chance.randint(1, 20)]
            case _:
                data[place:place] = data[place : place + chance.randint(1, 60)]
    return bytes(data)


async def one_of_many(gateway: Gateway, request: bytes) -> None:
    """Send it and read what comes: what is an error has the API's shape."""
    async with connection(gateway) as (reader, writer):
        with suppress(ConnectionError, TimeoutError):
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(1 << 16), 0.3)
            if answer.startswith(b"HTTP/1.") and b" 200 " not in answer[:20] and b" 100 " not in answer[:20]:
                head, _, body = answer.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                if not request.startswith(b"HEAD"):
                    Answer(head, body[:length]).error()


@pytest.mark.parametrize("seed", range(2))
async def test_mutated_requests_do_no_harm(gateway: Gateway, seed: int) -> None:
    chance = random.Random(seed)
    await is_well(gateway)
    rounds = [[mutate(chance.choice(SEEDS), chance) for _ in range(50)] for _ in range(16)]
    await asyncio.gather(*(one_of_many(gateway, request) for request in rounds[0]))
    before, memory = descriptors(gateway), resident_kib(gateway)

    for requests in rounds[1:]:
        await asyncio.gather(*(one_of_many(gateway, request) for request in requests))

    await is_well(gateway)
    await until(lambda: holds(lambda: descriptors(gateway) <= before + 2))
    assert resident_kib(gateway) < memory + 48 * 1024
