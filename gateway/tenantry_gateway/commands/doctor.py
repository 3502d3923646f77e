"""`tenantry-gateway doctor`: looks over everything that a gateway needs."""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from tenantry_config.errors import ConfigError
from tenantry_gateway.audit.files import audit_files, verify
from tenantry_gateway.commands.audit import audit_key_of
from tenantry_gateway.reload import listen_address, load_snapshot
from tenantry_gateway.settings import Settings
from tenantry_gateway.snapshot import Snapshot

_SECONDS: Final = 5.0
_DEFAULT_URL: Final = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `fix` is the next command where something is to be done."""

    level: Literal["ok", "warning", "error"]
    text: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.level:8} {self.text}" + (f"\n{'':8} fix: {self.fix}" if self.fix else "")


def doctor(settings: Settings) -> int:
    """Look everything over that a gateway needs; the exit code is 1 where something keeps it from working."""
    findings = list(_findings(settings))
    for finding in findings:
        print(finding)
    return int(any(finding.level == "error" for finding in findings))


def _findings(settings: Settings) -> Iterator[Finding]:
    yield from _state_directory(settings.state_dir)
    yield from _audit(settings)
    try:
        snapshot = load_snapshot(settings)
    except ConfigError as error:
        yield Finding("error", f"{settings.config_path} is not valid: {error}", "tenantry-gateway config validate")
        return
    agents = ", ".join(sorted(snapshot.config.agents)) or "none"
    yield Finding("ok", f"{settings.config_path} is valid: agents {agents}")
    yield from _identity(snapshot)
    yield from _provider(snapshot)
    yield _listening(*listen_address(settings, snapshot.config.gateway))


def _state_directory(path: Path) -> Iterator[Finding]:
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        free = os.statvfs(nearest)
        mebibytes = free.f_bavail * free.f_frsize // 2**20
        level: Literal["ok", "warning"] = "ok" if mebibytes >= 100 else "warning"
        yield Finding(level, f"{path} can be written, {mebibytes} MiB are free")
    else:
        yield Finding("error", f"{path} cannot be written", f"chown $(id -u) {nearest}, or set CLAWDBOT_STATE_DIR")


def _audit(settings: Settings) -> Iterator[Finding]:
    if not audit_files(settings.state_dir):
        yield Finding("ok", "there is no audit log yet")
        return
    try:
        verdict = verify(settings.state_dir, audit_key_of(settings))
    except ConfigError as error:
        yield Finding("error", f"the audit log cannot be verified: {error}")
        return
    if verdict.fault is not None:
        yield Finding("error", f"the audit log is not as it was written: {verdict.fault}", "compare it with a backup")
    else:
        yield Finding("ok", f"the audit log is as it was written: {verdict.lines} lines")


def _identity(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.tokens:
        yield Finding("ok", "a token is needed to call the gateway")
    else:
        yield Finding("warning", "there is no token: only programs on this machine are answered", "set GATEWAY_TOKEN")


def _provider(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.api_key is None:
        yield Finding("error", "there is no API key: no message can be answered", "set ANTHROPIC_API_KEY")
    parts = urlsplit(snapshot.base_url or _DEFAULT_URL)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), timeout=_SECONDS).close()
    except OSError as error:
        reason = error.strerror or "it does not answer"
        yield Finding(
            "error", f"{host} port {port} cannot be reached: {reason}", "check provider.baseUrl and firewalls"
        )
    else:
        yield Finding("ok", f"{host} port {port} can be reached")


def _listening(bind: str, port: int) -> Finding:
    host = "127.0.0.1" if bind in {"0.0.0.0", "::"} else bind  # noqa: S104 - what was asked for
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/ready"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_SECONDS):
            return Finding("ok", f"a gateway is ready at {url}")
    except urllib.error.HTTPError as error:
        return Finding("warning", f"{url} answers {error.code}", f"curl {url}")
    except (OSError, ValueError):
        return Finding("ok", f"nothing listens at {bind} port {port}", "tenantry-gateway run")
