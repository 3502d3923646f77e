"""JSON log lines as a person reads them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tenantry_cli.console import harmless

PREFIX = re.compile(r"\[pod/([^/\]]+)/([^/\]]+)\] (.*)", re.DOTALL)
FIRST = frozenset({"time", "level", "logger", "message", "exc_info", "stack_info", "tenant", "reconcile"})


def split_prefix(line: str) -> tuple[str, str]:
    """Pod and line out of what `kubectl logs --prefix` prints; no pod where there is no prefix."""
    found = PREFIX.fullmatch(line)
    return (found[1], found[3]) if found else ("", line)


def parsed(line: str) -> Mapping[str, Any] | None:
    """The line's JSON object, if it is one."""
    try:
        found = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def readable(line: str) -> tuple[str, str]:
    """Level and text of a line. What is no JSON is left as it is."""
    found = parsed(line)
    if found is None or "message" not in found:
        return "", harmless(line)
    level = str(found.get("level", ""))
    clock = re.search(r"[T ](\d\d:\d\d:\d\d(?:[.,]\d{1,3})?)", str(found.get("time", "")))
    rest = " ".join(f"{key}={_value(value)}" for key, value in found.items() if key not in FIRST)
    text = f"{clock[1] if clock else '':<12} {level.upper():<5} {found['message']}{'  ' if rest else ''}{rest}"
    trace = found.get("exc_info")
    return level, harmless(f"{text}\n{trace}" if isinstance(trace, str) else text)


def _value(value: Any) -> str:
    if isinstance(value, str) and value and not re.search(r"[\s\"=]", value):
        return value
    return json.dumps(value, ensure_ascii=False)
