"""What the audit log says of each thing that happens. Never what was said, and never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["success", "failure", "denied"]


@dataclass(slots=True, unsafe_hash=True)
class AuditEvent:
    """One event; None: it has no such thing. The log adds its number, the time and an id. Not to be changed.

    Each request makes one, and `frozen` would take three times as long.

    `type` is `area.action`, such as `agent.message` or `session.delete`; `target` is what was acted on (an agent, a
    session's key, a configuration's hash); `reason` an error's type.
    """

    type: str
    outcome: Outcome
    actor: str | None = None
    role: str | None = None
    target: str | None = None
    session: str | None = None
    request_id: str | None = None
    reason: str | None = None
    count: int | None = None
    """How many equal events this one stands for."""

    def fields(self) -> dict[str, object]:
        """As the log has it."""
        named = {
            "type": self.type,
            "outcome": self.outcome,
            "actor": self.actor,
            "role": self.role,
            "target": self.target,
            "session": self.session,
            "requestId": self.request_id,
            "reason": self.reason,
            "count": self.count,
        }
        return {name: value for name, value in named.items() if value is not None}
