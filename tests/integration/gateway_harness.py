"""The gateway as a process of its own, in a directory like the one that Kubernetes mounts for it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

TOKEN = "process-token-0123456789"
API_KEY = "sk-ant-process-0123456789"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
AGENT = "agents: {main: {model: claude-opus-4-5, system: %s}}\n"
SECONDS = 60
"""How long anything may take before a test fails; nothing is measured."""


class Reachable(Protocol):
    """A gateway that clients speak to, wherever it runs."""

    @property
    def url(self) -> str:
        """Where it answers."""

    @property
    def token(self) -> str:
        """Its shared token."""

    @property
    def session(self) -> aiohttp.ClientSession:
        """Sends that token."""


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

    @property
    def token(self) -> str:
        return TOKEN

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


@asynccontextmanager
async def running(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[Gateway]:
    """A gateway that a command starts; it is killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
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


@dataclass
class Place:
    """A directory with configuration and secrets, as Kubernetes mounts them."""

    directory: Path
    base_url: str
    version: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    """More of the process's environment."""

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
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(self.directory),
            "CLAWDBOT_CONFIG_PATH": str(self.config),
            "TENANTRY_SECRETS_DIR": str(self.secrets),
            "ANTHROPIC_BASE_URL": self.base_url,
            **self.variables,
        }

    @asynccontextmanager
    async def gateway(self, *arguments: str) -> AsyncIterator[Gateway]:
        """Start a process; it is killed at the end if it still runs."""
        command = (sys.executable, "-m", "tenantry_gateway", "run", "--port", "0", *arguments)
        async with running(command, self.environment()) as gateway:
            yield gateway

    @asynccontextmanager
    async def listening(self, *arguments: str) -> AsyncIterator[Gateway]:
        async with self.gateway(*arguments) as gateway:
            gateway.port = (await gateway.logged("listening"))["port"]
            yield gateway


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
        if response.content.at_eof():
            raise ConnectionResetError("the stream has ended")
        line = (await asyncio.wait_for(response.content.readline(), SECONDS)).decode().rstrip("\n")
        if not line.startswith(":"):
            lines.append(line)
        if lines == [""]:
            lines = []
    return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))
