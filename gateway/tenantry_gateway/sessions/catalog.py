"""The sessions of a state directory, as they are listed, read and deleted.

A session's id is its file's path below the sessions' directory, in base64url: it is looked up without searching, and
an id that was made up is found out by the file's own first line.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from tenantry_gateway.sessions.paths import DIRECTORY, session_path
from tenantry_gateway.sessions.transcript import SessionId
from tenantry_gateway.storage.log_file import read_lines

_SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as a list has it. `owner` is the principal who spoke first in it."""

    id: str
    session: SessionId
    owner: str
    updated: float
    """Seconds since 1970."""
    size: int
    """Bytes of its file."""

    def as_json(self) -> dict[str, object]:
        """As the API answers it."""
        return {
            "id": self.id,
            "agentId": self.session.agent_id,
            "sessionKey": self.session.key,
            "namespace": self.session.namespace,
            "provenance": self.session.provenance,
            "owner": self.owner,
            "updated": round(self.updated, 3),
            "bytes": self.size,
        }


def session_id_of(path: PurePosixPath) -> str:
    """The id of a session's file."""
    return base64.urlsafe_b64encode(str(path).removesuffix(_SUFFIX).encode()).decode().rstrip("=")


def find(state_dir: Path, given: str) -> Listed | None:
    """The session of an id; None where there is none."""
    path = _path_of(given)
    return _listed(state_dir / DIRECTORY, path) if path is not None else None


def walk(state_dir: Path, after: str = "") -> Iterator[Listed]:
    """Every session that comes after the one with the id `after`, which may be gone, in the order of their paths.

    Files before that are not opened.
    """
    root = state_dir / DIRECTORY
    last = _path_of(after)
    least = _place(last) if last is not None else ()
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = PurePosixPath(Path(folder, name).relative_to(root))
            if name.endswith(_SUFFIX) and _place(path) > least:
                found = _listed(root, path)
                if found is not None:
                    yield found


def _path_of(given: str) -> PurePosixPath | None:
    """The path that an id stands for; None for what is none, or would lead elsewhere."""
    try:
        text = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    path = PurePosixPath(text + _SUFFIX)
    if not text or path.is_absolute() or ".." in path.parts or "\0" in text:
        return None
    return path


def _place(path: PurePosixPath) -> tuple[tuple[bool, str], ...]:
    """Sorts paths as they are walked: a directory's files come before its directories."""
    *folders, name = path.parts
    return (*((True, folder) for folder in folders), (False, name))


def _listed(root: Path, path: PurePosixPath) -> Listed | None:
    file = root / path
    try:
        first = next(read_lines(file), None)
        stat = file.stat()
    except OSError:
        return None
    parsed = _parse(first)
    session = _session(parsed.get("session"), path)
    if session is None:
        return None
    return Listed(session_id_of(path), session, str(parsed.get("actor", "")), stat.st_mtime, stat.st_size)


def _session(identity: Any, path: PurePosixPath) -> SessionId | None:
    """The session that a first line names, if this is where its file belongs."""
    if not isinstance(identity, dict):
        return None
    folder = path.parts[: max(0, len(path.parts) - 4)]
    try:
        session = SessionId(
            str(identity["agent"]), identity["namespace"], identity["provenance"], str(identity["key"]), tuple(folder)
        )
        return session if session_path(session) == path else None
    except (KeyError, AttributeError, TypeError, UnicodeEncodeError):
        return None


def _parse(line: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(line or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
