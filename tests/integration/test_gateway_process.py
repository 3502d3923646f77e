"""The gateway as a process: start, reload, drain, exit codes and logs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dev.anthropic_standin.server import running_standin

TOKEN = "process-token-0123456789"
API_KEY = "sk-ant-process-0123456789"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
AGENT = "agents: {main: {model: claude-opus-4-5, system: %s}}\n"
SECONDS = 60
"""How long anything may take before a test fails; nothing is measured."""


@dataclass
class Gateway:
    """A running process and what it logged so far."""

    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession
    lines: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def read_log(self) -> None:
        """Parse the log to its end; a line that is no JSON fails the test that looks at it."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.raw.append(line.decode())
            self.lines.append(json.loads(line))

    async def logged(self, message: str) -> dict[str, Any]:
        """The first line with this message, once it is there."""
        async with asyncio.timeout(SECONDS):
            while True:
                for line in self.lines:
                    if line["message"].startswith(message):
                        return line
                assert self.process.returncode is None, self.raw
                await asyncio.sleep(0.02)

    async def ready(self, *, config_hash: str | None = None, status: str = "ready") -> dict[str, Any]:
        """The body of `/ready`, once it says `status` and, if given, another hash than `config_hash`."""
        async with asyncio.timeout(SECONDS):
            while True:
                async with self.session.get(f"{self.url}/ready") as response:
                    body: dict[str, Any] = await response.json()
                if body["status"] == status and (config_hash is None or body["configHash"] != config_hash):
                    return body
                await asyncio.sleep(0.02)

    async def chat(self, text: str, **fields: object) -> tuple[int, dict[str, Any]]:
        async with self.session.post(f"{self.url}/v1/chat", json={"text": text, **fields}) as response:
            return response.status, await response.json()

    async def ended(self) -> int:
        async with asyncio.timeout(SECONDS):
            return await self.process.wait()


@dataclass
class Place:
    """A directory with configuration and secrets, as Kubernetes mounts them."""

    directory: Path
    base_url: str
    version: int = 0

    @property
    def config(self) -> Path:
        return self.directory / "etc" / "config.yaml"

    @property
    def secrets(self) -> Path:
        return self.directory / "secrets"

    def publish(self, volume: str, files: dict[str, str]) -> None:
        """Swap a volume's content at once: a fresh directory, and the link `..data` renamed over the old one."""
        root = self.directory / volume
        self.version += 1
        fresh = root / f"..{self.version}"
        fresh.mkdir(parents=True)
        for name, content in files.items():
            (fresh / name).write_text(content)
            if not (root / name).is_symlink():
                (root / name).symlink_to(f"..data/{name}")
        (root / "..data_tmp").symlink_to(fresh.name)
        (root / "..data_tmp").rename(root / "..data")

    def configure(self, text: str) -> None:
        self.publish("etc", {"config.yaml": text})

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "CLAWDBOT_CONFIG_PATH": str(self.config),
            "TENANTRY_SECRETS_DIR": str(self.secrets),
            "ANTHROPIC_BASE_URL": self.base_url,
        }

    @asynccontextmanager
    async def gateway(self, *arguments: str) -> AsyncIterator[Gateway]:
        """Start a process; it is killed at the end if it still runs."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tenantry_gateway", "run", "--port", "0", *arguments),
            env=self.environment(),
            stderr=asyncio.subprocess.PIPE,
        )
        async with aiohttp.ClientSession(headers=AUTH) as session:
            gateway = Gateway(process, session)
            reading = asyncio.create_task(gateway.read_log())
            try:
                yield gateway
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
                await reading

    @asynccontextmanager
    async def listening(self, *arguments: str) -> AsyncIterator[Gateway]:
        async with self.gateway(*arguments) as gateway:
            gateway.port = (await gateway.logged("listening"))["port"]
            yield gateway


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running_standin() as base_url:
        place = Place(tmp_path, base_url)
        place.configure(AGENT % "one")
        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN + "\n", "ANTHROPIC_API_KEY": API_KEY})
        yield place


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once `condition` holds; fail if it never does."""
    async with asyncio.timeout(SECONDS):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def next_event(response: aiohttp.ClientResponse) -> tuple[str, dict[str, Any]]:
    """The next server-sent event that is no comment."""
    lines: list[str] = []
    while not lines or lines[-1]:
        line = (await asyncio.wait_for(response.content.readline(), SECONDS)).decode().rstrip("\n")
        if not line.startswith(":"):
            lines.append(line)
        if lines == [""]:
            lines = []
    return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


async def test_it_converses_and_exits_0_on_sigterm(place: Place) -> None:
    async with place.listening() as gateway:
        replies = [(await gateway.chat("hi"))[1]["reply"] for _ in range(2)]
        gateway.process.send_signal(signal.SIGTERM)

        assert await gateway.ended() == 0
    assert replies == ["[claude-opus-4-5] one | turn 1 | hi", "[claude-opus-4-5] one | turn 2 | hi"]


async def test_a_stream_in_flight_is_finished_after_sigterm_while_nothing_new_is_accepted(place: Place) -> None:
    async with place.listening() as gateway, aiohttp.ClientSession(headers=AUTH) as idle:
        async with idle.get(f"{gateway.url}/health") as response:
            assert response.status == 200
        body = {"text": "!chunk-delay 0.1 " + "word " * 40, "stream": True}
        async with gateway.session.post(f"{gateway.url}/v1/chat", json=body) as stream:
            assert (await next_event(stream))[0] == "delta"
            gateway.process.send_signal(signal.SIGTERM)
            await gateway.logged("draining")
            gateway.process.send_signal(signal.SIGTERM)
            with pytest.raises(aiohttp.ClientConnectorError):
                async with aiohttp.ClientSession() as fresh, fresh.get(f"{gateway.url}/health"):
                    pass
            async with idle.get(f"{gateway.url}/ready") as response:
                assert response.status == 503
                assert (await response.json())["status"] == "draining"
                assert response.headers["Connection"] == "close"
            names = ["delta"]
            while names[-1] == "delta":
                name, data = await next_event(stream)
                names.append(name)

        assert names[-1] == "done"
        assert "word word" in data["reply"]
        assert await gateway.ended() == 0


async def test_idle_connections_do_not_delay_the_end(place: Place) -> None:
    async with place.listening() as gateway:
        for _ in range(3):
            await gateway.ready()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        gateway.process.send_signal(signal.SIGTERM)

        assert await gateway.ended() == 0
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_second_sigint_ends_it_at_once(place: Place) -> None:
    async with place.listening() as gateway:
        asking = asyncio.create_task(gateway.chat("!delay 500"))
        await until(lambda: _two_in_flight(gateway))
        gateway.process.send_signal(signal.SIGINT)
        await gateway.logged("draining")
        assert gateway.process.returncode is None
        gateway.process.send_signal(signal.SIGINT)

        assert await gateway.ended() == 130
        with pytest.raises(aiohttp.ClientError):
            await asking


async def _two_in_flight(gateway: Gateway) -> bool:
    return "tenantry_gateway_requests_in_flight 2.0" in await _metrics(gateway)


async def _metrics(gateway: Gateway) -> str:
    async with gateway.session.get(f"{gateway.url}/metrics") as response:
        return await response.text()


async def test_a_swapped_volume_comes_into_force_and_sessions_stay(place: Place) -> None:
    async with place.listening() as gateway:
        before = await gateway.ready()
        await gateway.chat("hi")
        place.configure(AGENT % "two")
        await gateway.ready(config_hash=before["configHash"])

        assert (await gateway.chat("hi"))[1]["reply"] == "[claude-opus-4-5] two | turn 2 | hi"


async def test_an_invalid_change_leaves_the_old_one_in_force_until_it_is_put_right(place: Place) -> None:
    async with place.listening() as gateway:
        before = await gateway.ready()
        place.configure("agents: {main: {modle: x}}")
        refused = await gateway.logged("the configuration is not valid")
        assert refused["reason"] == 'agents.main.modle: unknown key; did you mean "model"?'
        assert refused["level"] == "error"
        assert (await gateway.ready())["configHash"] == before["configHash"]
        assert "tenantry_gateway_config_valid 0.0" in await _metrics(gateway)
        assert (await gateway.chat("hi"))[0] == 200

        place.configure(AGENT % "three")
        await gateway.ready(config_hash=before["configHash"])
        assert "tenantry_gateway_config_valid 1.0" in await _metrics(gateway)


async def test_a_missing_token_is_waited_for_and_heals(place: Place) -> None:
    place.publish("secrets", {"ANTHROPIC_API_KEY": API_KEY})
    async with place.listening("--bind", "0.0.0.0") as gateway:  # noqa: S104
        body = await gateway.ready(status="not-ready")
        assert "GATEWAY_TOKEN" in body["reason"]
        async with gateway.session.get(f"{gateway.url}/health") as response:
            assert response.status == 200
        status, error = await gateway.chat("hi")
        assert (status, error["error"]["type"]) == (503, "api_error")

        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})
        await gateway.ready()
        assert (await gateway.chat("hi"))[0] == 200


async def test_a_missing_api_key_is_named_and_heals(place: Place) -> None:
    place.publish("secrets", {"GATEWAY_TOKEN": TOKEN})
    async with place.listening() as gateway:
        status, error = await gateway.chat("hi")
        assert status == 503
        assert "ANTHROPIC_API_KEY" in error["error"]["message"]

        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})
        await until(lambda: _answers(gateway, AUTH, 200))


async def test_a_rotated_token_is_taken_over_with_overlap(place: Place) -> None:
    keys = {"ANTHROPIC_API_KEY": API_KEY}
    async with place.listening() as gateway:
        place.publish("secrets", {"GATEWAY_TOKEN": "the-new-token-1", "GATEWAY_TOKEN_PREVIOUS": TOKEN, **keys})
        new = {"Authorization": "Bearer the-new-token-1"}
        await until(lambda: _answers(gateway, new, 200))
        assert await _status(gateway, AUTH) == 200

        (place.secrets / "GATEWAY_TOKEN_PREVIOUS").unlink()
        await until(lambda: _answers(gateway, AUTH, 401))
        assert await _status(gateway, new) == 200


async def _answers(gateway: Gateway, headers: dict[str, str], status: int) -> bool:
    return await _status(gateway, headers) == status


async def _status(gateway: Gateway, headers: dict[str, str]) -> int:
    async with gateway.session.post(f"{gateway.url}/v1/chat", json={"text": "hi"}, headers=headers) as response:
        return response.status


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("agents: [", "not valid YAML"),
        ("agents: {main: {modle: m}}", 'agents.main.modle: unknown key; did you mean "model"?'),
        ("gateway: {bind: 8.8.8.8, auth: {token: literal-token}}", "cannot listen on 8.8.8.8"),
    ],
)
async def test_a_configuration_that_cannot_work_is_one_line_and_exit_78(place: Place, text: str, part: str) -> None:
    place.configure(text)
    async with place.gateway() as gateway:
        assert await gateway.ended() == 78
    errors = [line for line in gateway.lines if line["level"] == "error"]
    assert len(errors) == 1
    assert part in errors[0]["message"]
    assert "exc_info" not in errors[0]


async def test_without_secrets_as_files_it_refuses_to_listen_beyond_loopback_without_a_token(place: Place) -> None:
    place.secrets.rename(place.directory / "elsewhere")
    async with place.gateway("--bind", "0.0.0.0") as gateway:  # noqa: S104
        assert await gateway.ended() == 78
    assert "GATEWAY_TOKEN" in gateway.lines[-1]["message"]


async def test_requests_that_are_not_http_get_json_and_are_not_quoted(place: Place) -> None:
    async with place.listening() as gateway:
        for request in (b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nAuthorization: Bearer \x00s3cret\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(request)
            head, _, body = (await asyncio.wait_for(reader.read(), SECONDS)).partition(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            answer = json.loads(body)
            assert b" 400 " in head.splitlines()[0]
            assert answer["error"]["type"] == "invalid_request_error"
            assert answer["request_id"].encode() in head
            assert b"s3cret" not in body
        assert await _status(gateway, AUTH) == 200
    assert "s3cret" not in "".join(gateway.raw)


async def _a_client_left(gateway: Gateway) -> bool:
    return any(line.get("status") == 499 for line in gateway.lines)


async def test_the_log_is_json_lines_without_secrets_content_or_tracebacks(place: Place) -> None:
    place.configure(AGENT % "one" + "gateway: {logLevel: debug}")
    async with place.listening() as gateway:
        await gateway.chat("the password is swordfish", senderId="alice@example.com")
        await gateway.chat("!error 401")
        for headers in ({"Authorization": "Bearer wrong-token-987"}, {"Authorization": f"Bearer {API_KEY}"}):
            await _status(gateway, headers)
        async with gateway.session.get(f"{gateway.url}/ready?token={TOKEN}") as response:
            assert response.status == 200
        async with gateway.session.post(f"{gateway.url}/v1/chat", json={"text": "!chunk-delay 0.2 x", "stream": True}):
            pass
        await until(lambda: _a_client_left(gateway))
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.ended() == 0

    text = "".join(gateway.raw)
    for secret in (TOKEN, API_KEY, "swordfish", "wrong-token", "alice@example.com"):
        assert secret not in text
    assert "exc_info" not in text
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in gateway.lines))
    refused = [line for line in gateway.lines if line.get("status") == 401]
    assert len(refused) == 2
    assert all(line["request_id"].startswith("req_") and line["route"] == "/v1/chat" for line in refused)


async def test_the_guides_command_line_works(place: Place) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "clawdbot"), "gateway", "run", "--bind", "127.0.0.1", "--port", "0"),
        env=place.environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(SECONDS):
            while b'"listening"' not in await process.stderr.readline():
                assert process.returncode is None
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0
