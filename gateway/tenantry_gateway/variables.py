"""Values of variables: files of the secrets directory first, then the environment.

A directory with one file a secret, as Kubernetes mounts Secrets; what a file held last stays in force when it
vanishes, so that a Secret which is replaced by deleting and creating it interrupts nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tenantry_config.load import Resolved

_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_MAX_BYTES: Final = 64 * 1024
_WITHDRAWN: Final = frozenset({"GATEWAY_TOKEN_PREVIOUS", "GATEWAY_TOKEN_VERSION"})
"""Secrets that end with their file: an old token is accepted during the overlap of a rotation, no longer."""
_DATA: Final = "..data"
"""The link to a Kubernetes volume's files: what is behind it is one version of all of them."""
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Variables:
    """A snapshot of all values. Its representation shows names alone."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def resolve(self, name: str) -> Resolved | None:
        """The value of `name`, or None; a file beats the environment."""
        if name in self.secrets:
            return Resolved(self.secrets[name], secret=True)
        value = self.environment.get(name)
        return Resolved(value) if value else None

    def value(self, name: str) -> str | None:
        """The value alone."""
        found = self.resolve(name)
        return found.value if found else None


def read_secrets(directory: Path, previous: Mapping[str, str]) -> dict[str, str]:
    """Secrets in `directory` by name, without white space around them; those of `previous` that have no file stay.

    Files that are empty, too large, unreadable or no text count as absent. A missing directory is an empty one. In a
    Kubernetes volume all values are of one version, however it changes meanwhile: during a rotation, the old token
    read of one version and the previous one of the next would be the same, and the new one refused.
    """
    for _ in range(_ATTEMPTS):
        version = _version(directory)
        found = _read_all(directory / version)
        if _version(directory) == version:
            kept = {name: value for name, value in previous.items() if name not in _WITHDRAWN}
            return kept | found
    return dict(previous)


def _version(directory: Path) -> str:
    """The subdirectory that holds a Kubernetes volume's files at the moment; empty where files are simply there."""
    try:
        return (directory / _DATA).readlink().name
    except OSError:
        return ""


def _read_all(directory: Path) -> dict[str, str]:
    try:
        entries = sorted(entry for entry in directory.iterdir() if _NAME.fullmatch(entry.name))
    except OSError:
        return {}
    found = {entry.name: _read(entry) for entry in entries}
    return {name: value for name, value in found.items() if value}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        return data.decode().strip() if len(data) <= _MAX_BYTES else ""
    except (OSError, UnicodeDecodeError):
        return ""
