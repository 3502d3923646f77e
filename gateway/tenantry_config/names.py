"""Names that occur in more than one place of the document: variables, template fields, identifiers.

Source: the enterprise guide's schema, DESIGN sections 4 and 5.
"""

from __future__ import annotations

import re
from typing import Final

SHARED_PRINCIPAL: Final = "token:shared"
"""The principal that the gateway's shared token stands for, as `rbac.assignments` names it."""

SECRET_VARIABLES: Final = frozenset({"GATEWAY_TOKEN", "GATEWAY_TOKEN_PREVIOUS", "ANTHROPIC_API_KEY", "AUDIT_KEY"})
"""Variables whose values are secrets wherever they come from."""

SUBSTITUTION: Final = re.compile(r"(\$?)\$\{([A-Z_][A-Z0-9_]*)\}")
"""`${NAME}` is replaced by a value; with a second `$` before it, it is the literal `${NAME}`."""

TEMPLATE_FIELDS: Final = ("channel", "channelId", "senderId", "agentId")
"""What a session key's template may name, as `${channel}` and so on."""

AGENT_ID_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""Agent ids are parts of session keys, paths and metric labels, so they need no encoding there."""

ANY: Final = "*"
"""The channel that matches every channel."""
