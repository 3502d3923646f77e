"""A gateway's process from inside: what it leaves behind."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from tenantry_config.errors import ConfigError
from tenantry_gateway.audit.files import audit_files, verify
from tenantry_gateway.audit.key import existing_key
from tenantry_gateway.logs import Redactor
from tenantry_gateway.server import Server
from tenantry_gateway.settings import read_settings
from tenantry_gateway.storage.lock import StateLock
from tenantry_gateway.storage.log_file import read_lines


async def test_a_gateway_that_cannot_start_gives_its_directory_back(tmp_path: Path) -> None:
    config, state = tmp_path / "config.yaml", tmp_path / "state"
    config.write_text("agents: {main: {modle: m}}\n")
    settings = read_settings({"CLAWDBOT_STATE_DIR": str(state)}, tmp_path, config=config)

    with pytest.raises(ConfigError, match="modle"):
        await Server(settings, Redactor()).run()

    assert "writer" not in {thread.name for thread in threading.enumerate()}
    lock = StateLock(state)
    lock.acquire()
    lock.release()
    assert verify(state, existing_key(state, None)).fault is None
    assert audited(state) == [("gateway.start", "failure")]


async def test_a_gateway_that_cannot_listen_has_not_started(tmp_path: Path) -> None:
    config, state = tmp_path / "config.yaml", tmp_path / "state"
    config.write_text("agents: {main: {model: m}}\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = read_settings({"CLAWDBOT_STATE_DIR": str(state)}, tmp_path, config=config, port=port)

        with pytest.raises(ConfigError, match="cannot listen"):
            await Server(settings, Redactor()).run()

    assert audited(state) == [("config.change", "success"), ("gateway.start", "failure")]


def audited(state: Path) -> list[tuple[str, str]]:
    events = [json.loads(line) for path in audit_files(state) for line in read_lines(path)]
    return [(event["type"], event["outcome"]) for event in events if event["type"] != "audit.opened"]
