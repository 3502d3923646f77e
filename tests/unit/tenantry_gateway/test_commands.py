"""`audit verify` and `doctor`."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tenantry_gateway.__main__ import main
from tenantry_gateway.audit.event import AuditEvent
from tenantry_gateway.audit.files import CURRENT
from tenantry_gateway.audit.key import audit_key
from tenantry_gateway.audit.log import AuditLog
from tenantry_gateway.storage.disk import Disk

CONFIG = "agents: {main: {model: claude-opus-4-5}}\ngateway: {port: %d}\nprovider: {baseUrl: http://127.0.0.1:%d}\n"


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


@pytest.fixture
def upstream() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upstream: int, closed_port: int) -> Path:
    for name in ("GATEWAY_TOKEN", "AUDIT_KEY", "CLAWDBOT_CONFIG_PATH", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLAWDBOT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("TENANTRY_SECRETS_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-doctor-0123456789")
    (tmp_path / "config.yaml").write_text(CONFIG % (closed_port, upstream))
    return tmp_path


def write_log(folder: Path) -> str:
    log = AuditLog(folder, audit_key(folder, None), Disk(), lambda: datetime.now(UTC))
    log.open()
    for number in range(3):
        log.append([AuditEvent("agent.message", "success", target=str(number))])
    log.close()
    return str(log.head)


def test_a_log_as_it_was_written_is_said_to_be(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = write_log(state_dir)

    assert main(["audit", "verify", "--head", head]) == 0
    assert capsys.readouterr().out == f"as it was written: 4 lines, head {head}\n"


def test_a_changed_log_is_found_out_and_named(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(state_dir)
    path = state_dir / CURRENT
    path.write_bytes(path.read_bytes().replace(b'"target":"1"', b'"target":"9"'))

    assert main(["audit", "verify"]) == 1
    assert "audit.jsonl line 3" in capsys.readouterr().err


def test_a_log_that_cannot_be_verified_is_78(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify"]) == 78
    write_log(state_dir)
    (state_dir / "credentials" / "audit.key").unlink()
    assert main(["audit", "verify"]) == 78
    assert "AUDIT_KEY" in capsys.readouterr().err
    assert not (state_dir / "credentials" / "audit.key").exists()


def test_a_healthy_machine(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(state_dir)

    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "agents main" in said
    assert "the audit log is as it was written: 4 lines" in said
    assert "there is no token" in said
    assert "sk-ant" not in said


def test_what_keeps_a_gateway_from_working_is_an_error_with_its_fix(
    state_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    (state_dir / "config.yaml").write_text(CONFIG % (closed_port, closed_port))

    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "there is no API key" in said
    assert "set ANTHROPIC_API_KEY" in said
    assert f"127.0.0.1 port {closed_port} cannot be reached: Connection refused" in said


def test_an_invalid_configuration_is_an_error(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state_dir / "config.yaml").write_text("agent: {}")

    assert main(["doctor"]) == 1
    assert 'did you mean "agents"' in capsys.readouterr().out
