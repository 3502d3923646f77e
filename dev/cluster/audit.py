"""The API server's audit log: which client asked for what, so that tests can count requests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MAX_MEGABYTES = 4096
"""Size at which the API server would begin another file; its default is 100."""


def policy(users: Sequence[str] = ()) -> dict[str, Any]:
    """One line a request once it is answered (and one when a watch starts): who asked for what, never the body.

    With ``users``, of their requests alone.
    """
    rules: list[dict[str, Any]] = [{"level": "Metadata"}]
    if users:
        rules = [{"level": "Metadata", "users": list(users)}, {"level": "None"}]
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}


def write_policy(path: Path, users: Sequence[str] = ()) -> Path:
    """Write the policy in the form that the API server reads."""
    path.write_text(json.dumps(policy(users)))
    return path


def read_events(log: Path) -> list[dict[str, Any]]:
    """Return the events so far, in the order in which the requests were answered; a line half written is left out."""
    if not log.exists():
        return []
    with log.open() as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]
