"""The audit log's key: from a Secret, else made once and kept beside the channels' credentials."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Final

from tenantry_config.errors import ConfigError
from tenantry_gateway.storage.disk import DIRECTORY_MODE, FILE_MODE

VARIABLE: Final = "AUDIT_KEY"
FILE: Final = Path("credentials") / "audit.key"
_BYTES: Final = 32
_TEXT: Final = re.compile(r"[0-9a-f]{64}")


def audit_key(state_dir: Path, given: str | None) -> bytes:
    """The key; `given` is the variable AUDIT_KEY's value.

    Raises ConfigError where the key's file holds none, or cannot be read or written.
    """
    if given:
        return given.encode()
    path = state_dir / FILE
    try:
        return _read(path) or _make(path)
    except OSError as error:
        raise ConfigError(VARIABLE, f"the audit log's key {path} cannot be kept: {error.strerror}") from error


def existing_key(state_dir: Path, given: str | None) -> bytes:
    """The key of a log that exists already; raises ConfigError where there is none."""
    if given:
        return given.encode()
    path = state_dir / FILE
    try:
        key = _read(path)
    except OSError as error:
        raise ConfigError(VARIABLE, f"the audit log's key {path} cannot be read: {error.strerror}") from error
    if key is None:
        raise ConfigError(VARIABLE, f"the audit log's key is missing: set {VARIABLE}, or restore {path} from a backup")
    return key


def _read(path: Path) -> bytes | None:
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    if not _TEXT.fullmatch(text):
        raise ConfigError(
            VARIABLE,
            f"{path} does not hold the audit log's key: restore it from a backup, or move the log away with it",
        )
    return text.encode()


def _make(path: Path) -> bytes:
    """Made whole or not at all, readable for the gateway alone."""
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    text = secrets.token_hex(_BYTES)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        os.write(descriptor, f"{text}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    return text.encode()
