"""The enterprise guide's variables, trusted proxies and backup, with real processes."""

from __future__ import annotations

import os
import tarfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tenantry_gateway.audit.files import verify
from tenantry_gateway.audit.key import audit_key
from tests.guide import BLOCKS, claims, table
from tests.integration.gateway_harness import API_KEY, TOKEN, Gateway
from tests.integration.guide_harness import Home, home

__all__ = ["home"]

AGENTS = BLOCKS["Multi-Agent Routing: yaml"]
BACKUPS = "/backups/clawdbot"
DAY = 24 * 60 * 60


async def anthropic_api_key(home: Home) -> None:
    home.configure(AGENTS)
    found = []
    for key in (API_KEY, "wrong", ""):
        home.variables["ANTHROPIC_API_KEY"] = key
        async with home.gateway() as gateway:
            found.append((await gateway.chat("hi"))[0])
    assert found == [200, 502, 503]


async def gateway_token(home: Home) -> None:
    home.configure(AGENTS)
    async with home.gateway() as gateway:
        assert (await gateway.chat("hi"))[0] == 200
    home.variables["GATEWAY_TOKEN"] = "another"
    async with home.gateway() as gateway:
        assert (await gateway.chat("hi"))[0] == 401


async def clawdbot_config_path(home: Home) -> None:
    elsewhere = home.directory / "elsewhere.yaml"
    elsewhere.write_text(AGENTS)
    home.configure("agents: {main: {model: the-wrong-one}}\n")
    home.variables["CLAWDBOT_CONFIG_PATH"] = str(elsewhere)
    async with home.gateway() as gateway:
        assert "a general assistant" in (await gateway.chat("hi"))[1]["reply"]


async def clawdbot_state_dir(home: Home) -> None:
    state = home.directory / "state"
    home.variables["CLAWDBOT_STATE_DIR"] = str(state)
    state.mkdir()
    (state / "config.yaml").write_text(AGENTS)
    async with home.gateway() as gateway:
        assert (await gateway.chat("hi"))[0] == 200
    assert {"sessions", "audit.jsonl", "credentials"} <= {entry.name for entry in state.iterdir()}
    assert not home.clawdbot.exists()


async def log_level(home: Home) -> None:
    home.configure(AGENTS)
    probes = []
    for level in ("debug", "info"):
        home.variables["LOG_LEVEL"] = level
        async with home.gateway() as gateway:
            await gateway.ready()
            await gateway.chat("hi")
            await gateway.logged("request")
        probes.append([line["level"] for line in gateway.lines if line.get("route") == "/ready"][:1])
    assert probes == [["debug"], []]


CHECKS: dict[str, Callable[[Home], Awaitable[None]]] = {
    "ANTHROPIC_API_KEY": anthropic_api_key,
    "GATEWAY_TOKEN": gateway_token,
    "CLAWDBOT_CONFIG_PATH": clawdbot_config_path,
    "CLAWDBOT_STATE_DIR": clawdbot_state_dir,
    "LOG_LEVEL": log_level,
}


@pytest.mark.parametrize("name", [row[0] for row in table("Environment Variables")])
async def test_each_variable_of_the_table_is_obeyed(home: Home, name: str) -> None:
    await CHECKS[name](home)


async def forwarded(gateway: Gateway, address: str) -> str:
    """The client that the access log names for a message that claims to come from an address."""
    headers = {"X-Forwarded-For": address}
    async with gateway.session.post(f"{gateway.url}/v1/chat", json={"text": "hi"}, headers=headers) as response:
        assert response.status == 200
    return str((await gateway.logged("request"))["client"])


@claims("Reverse Proxy: yaml")
async def test_who_is_no_trusted_proxy_is_not_believed(home: Home, snippet: str) -> None:
    home.configure(snippet + AGENTS)
    async with home.gateway() as gateway:
        assert await forwarded(gateway, "203.0.113.9") == "127.0.0.1"
    home.bash("clawdbot config set gateway.trustedProxies '[127.0.0.0/8, 10.0.0.0/8]'")
    async with home.gateway() as gateway:
        assert await forwarded(gateway, "198.51.100.1, 203.0.113.9, 10.1.2.3") == "203.0.113.9"


async def test_what_the_guide_calls_critical_is_where_it_says(home: Home) -> None:
    home.configure(AGENTS)
    async with home.gateway() as gateway:
        assert (await gateway.chat("hi"))[0] == 200

    paths = [row[0] for row in table("Critical Data")]
    assert len(paths) == 4
    for path in paths:
        place = home.directory / path.removeprefix("~/")
        assert place.is_dir() if path.endswith("/") else place.is_file()


@claims("Backup Script: bash")
async def test_what_the_backup_script_saves_of_a_running_gateway_serves_again(home: Home, snippet: str) -> None:
    backups = home.directory / "backups" / "clawdbot"
    assert snippet.count(BACKUPS) == 2
    old, recent = ((backups / name / "audit.jsonl") for name in ("20200101", "20200201"))
    for file, days in ((old, 32), (recent, 28)):
        file.parent.mkdir(parents=True)
        file.touch()
        then = time.time() - days * DAY
        os.utime(file, (then, then))
    home.configure(BLOCKS["Single-Tenant (Recommended for Teams): yaml"] + AGENTS)

    async with home.gateway() as gateway:
        assert (await gateway.chat("hi"))[0] == 200
        home.bash(snippet.replace(BACKUPS, str(backups)))
        assert (await gateway.chat("hi"))[0] == 200

    assert (old.exists(), recent.exists()) == (False, True)
    (backup,) = (folder for folder in backups.iterdir() if folder != recent.parent and any(folder.iterdir()))
    restored = restore(backup, home)
    key = audit_key(restored.clawdbot, None)
    verdict = verify(restored.clawdbot, key)
    assert verdict.fault is None
    assert verdict.lines > 0

    async with restored.gateway() as gateway:
        assert (await gateway.chat("hi"))[0] == 200
    again = verify(restored.clawdbot, key)
    assert again.fault is None
    assert again.lines > verdict.lines
    assert (home.clawdbot / "credentials" / "audit.key").read_bytes().strip() == key


def restore(backup: Path, home: Home) -> Home:
    """Another home with what a backup holds."""
    restored = Home(home.directory / "restored", home.base_url)
    restored.clawdbot.mkdir(parents=True)
    prefix = str(home.clawdbot).lstrip("/")
    with tarfile.open(backup / "config.tar.gz") as archive:
        members = [member for member in archive.getmembers() if member.name.startswith(f"{prefix}/")]
        for member in members:
            member.name = member.name.removeprefix(f"{prefix}/")
        archive.extractall(restored.clawdbot, members, filter="data")
    for file in backup.glob("audit*.jsonl"):
        (restored.clawdbot / file.name).write_bytes(file.read_bytes())
    assert (restored.clawdbot / "config.yaml").read_bytes() == (home.clawdbot / "config.yaml").read_bytes()
    assert TOKEN not in (restored.clawdbot / "config.yaml").read_text()
    return restored
