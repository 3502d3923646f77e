"""Where something is in the document: `("bindings", 0, "agentId")`, written `bindings[0].agentId`."""

from __future__ import annotations

import json
import re
from typing import Final

from tenantry_config.errors import ConfigError

Location = tuple[str | int, ...]

_PART: Final = re.compile(
    r'\[(?P<index>[0-9]{1,6})\]|(?P<dot>\.?)(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<plain>[^.\[\]"]+))'
)


def path_of(location: Location) -> str:
    """`("bindings", 0, "agentId")` as `bindings[0].agentId`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def parse_key(text: str) -> Location:
    """`bindings[0].agentId`, or `rbac.assignments."admin@company.com"`, as a location; raises ConfigError."""
    location: list[str | int] = []
    position = 0
    while position < len(text) or not location:
        match = _PART.match(text, position)
        if match is None or (match["index"] is None and bool(match["dot"]) != bool(location)):
            raise ConfigError("", f'{text!r} is no key: write one such as bindings[0].agentId, names with dots in "…"')
        location.append(int(match["index"]) if match["index"] else match["plain"] or _unquoted(match["quoted"]))
        position = match.end()
    return tuple(location)


def _unquoted(text: str) -> str:
    try:
        name = json.loads(text)
    except ValueError:
        raise ConfigError("", f"{text} is no name in quotes, as JSON has them") from None
    return str(name)
