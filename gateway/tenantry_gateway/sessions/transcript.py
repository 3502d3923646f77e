"""A conversation as it is kept: whole turns in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tenantry_config.document import Role

Provenance = Literal["verified", "claimed"]


@dataclass(frozen=True, slots=True)
class SessionId:
    """What keeps two conversations apart: equal keys of two agents, namespaces or provenances never meet.

    `namespace` is that of a foreign AgentBinding, None for the Gateway's own. `key` comes from
    `tenantry_config.routing.session_key`.
    """

    agent_id: str
    namespace: str | None
    provenance: Provenance
    key: str
    folder: tuple[str, ...] = ()
    """The agent's directory for sessions, filled for this message."""
    persistent: bool = True
    """Whether it outlives the process."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message and its answer. `role` is that of the principal who sent the message; `id` that of the answer."""

    role: Role
    message: str
    reply: str
    id: str = ""
    actor: str = ""
    """The principal."""
    stop_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def size(self) -> int:
        """Bytes of both texts."""
        return len(self.message.encode()) + len(self.reply.encode())


@dataclass(frozen=True, slots=True)
class Transcript:
    """The newest turns of a session; `sequence` is the number of all turns ever committed to it."""

    sequence: int = 0
    turns: tuple[Turn, ...] = ()
