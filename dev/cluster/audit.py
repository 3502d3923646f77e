"""The API server's audit log: which client asked for what, so that tests can count requests."""

import json
from pathlib import Path
from typing import Any

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
"""One line a request once it is answered (and one when a watch starts): who asked for what, never the body."""


def write_policy(path: Path) -> Path:
    """Write the policy in the form that the API server reads."""
    path.write_text(json.dumps(POLICY))
    return path


def read_events(log: Path) -> list[dict[str, Any]]:
    """Return the events so far, in the order in which the requests were answered; a line half written is left out."""
    if not log.exists():
        return []
    with log.open() as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]
