"""The tools that the gateway itself has. Those that touch files or run commands belong in a container of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tenantry_config.document import Role, ToolPolicy
from tenantry_gateway.identity.principal import has_role
from tenantry_gateway.providers.model import ToolDefinition

_ASCENDING: Final[tuple[ToolPolicy, ...]] = ("none", "read-only", "standard", "elevated")


class ToolFailed(Exception):
    """A tool's refusal or failure; the text goes to the model."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, and what it takes to use it: the agent's policy and the turn's role must both allow it."""

    definition: ToolDefinition
    policy: ToolPolicy
    role: Role
    run: Callable[[Mapping[str, Any]], str]
    """Answers arguments; raises ToolFailed. Quick and without effects."""

    def allowed(self, policy: ToolPolicy, role: Role) -> bool:
        """Whether an agent with `policy` may use it in a turn of `role`."""
        return _ASCENDING.index(policy) >= _ASCENDING.index(self.policy) and has_role(role, self.role)


def _current_time(arguments: Mapping[str, Any]) -> str:
    zone = arguments.get("timezone", "UTC")
    if not isinstance(zone, str):
        raise ToolFailed("timezone must be a name of the IANA database, such as Europe/Berlin")
    try:
        return datetime.now(UTC).astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolFailed(f'no timezone "{zone[:64]}": use a name of the IANA database, such as Europe/Berlin') from None


CURRENT_TIME: Final = Tool(
    ToolDefinition(
        "current_time",
        "The current date and time, in ISO 8601.",
        {
            "type": "object",
            "properties": {
                "timezone": {"type": "string", "description": "A name of the IANA database; UTC if left out."}
            },
            "additionalProperties": False,
        },
    ),
    policy="read-only",
    role="user",
    run=_current_time,
)

BUILT_IN: Final[tuple[Tool, ...]] = (CURRENT_TIME,)
