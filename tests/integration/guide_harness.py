"""A home as the enterprise guide supposes it: `clawdbot` on the PATH, the configuration in `~/.clawdbot`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dev.anthropic_standin.server import running_standin
from tests.integration.gateway_harness import API_KEY, TOKEN, Gateway, running

RUN = ("clawdbot", "gateway", "run", "--port", "0")
SONNET = "claude-sonnet-4-20250514"


@dataclass
class Home:
    """A home directory and the variables of its processes."""

    directory: Path
    base_url: str
    variables: dict[str, str] = field(default_factory=lambda: {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})

    @property
    def clawdbot(self) -> Path:
        return self.directory / ".clawdbot"

    def configure(self, text: str) -> None:
        self.clawdbot.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.clawdbot / "config.yaml").write_text(text)

    def environment(self) -> dict[str, str]:
        scripts = Path(sys.executable).parent
        return {
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(self.directory),
            "TENANTRY_SECRETS_DIR": str(self.directory / "no-secrets"),
            "ANTHROPIC_BASE_URL": self.base_url,
            **self.variables,
        }

    def bash(self, script: str) -> str:
        """What a script prints; one that fails, or whose commands do, fails the test."""
        command = ["bash", "-eu", "-o", "pipefail", "-c", script]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @asynccontextmanager
    async def gateway(self, command: Sequence[str] = RUN) -> AsyncIterator[Gateway]:
        """A process that listens."""
        program = str(Path(sys.executable).parent / command[0])
        async with running((program, *command[1:]), self.environment()) as gateway:
            gateway.port = (await gateway.logged("listening"))["port"]
            yield gateway


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    """An empty home, whose gateways ask the stand-in."""
    async with running_standin() as base_url:
        yield Home(tmp_path, base_url)
