"""Where a session's file is. Pure; no value of a message leads out of the sessions' directory or to another's file."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import Final

from tenantry_config.template import encode_value
from tenantry_gateway.sessions.transcript import SessionId

DIRECTORY: Final = "sessions"
_MAX_NAME: Final = 200
_PREFIX: Final = 100
_OWN: Final = "own"


def session_path(session: SessionId) -> PurePosixPath:
    """Below the sessions' directory: `[folder/]agent/namespace/provenance/key.jsonl`.

    A namespace has a dot before it, so that none is called `own`. Source: DESIGN section 5.
    """
    namespace = _OWN if session.namespace is None else f".{encode_value(session.namespace)}"
    agent = encode_value(session.agent_id)
    return PurePosixPath(*session.folder, agent, namespace, session.provenance, f"{_file_name(session.key)}.jsonl")


def session_file(state_dir: Path, session: SessionId) -> Path:
    """The file in a state directory."""
    return state_dir / DIRECTORY / session_path(session)


def _file_name(key: str) -> str:
    """A key as a file name: keys have no separators of paths, and `~` in none of their literals."""
    if len(key) <= _MAX_NAME:
        return key
    return f"{key[:_PREFIX]}~{hashlib.sha256(key.encode()).hexdigest()}"
