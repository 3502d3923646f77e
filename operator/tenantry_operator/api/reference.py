"""From a structural schema to a page of the API reference, in Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_PLACEHOLDER = "NAME"
"""How a path names a key of a map."""


def reference(kind: str, short_name: str, schema: Mapping[str, Any]) -> str:
    """The section of one kind: its description, then a row for every field of spec and status."""
    lines = [f"## {kind} (`{short_name}`)", "", schema["description"], ""]
    for part in ("spec", "status"):
        lines += [f"### {kind} {part}", "", "| field | type | default | meaning |", "|---|---|---|---|"]
        lines += _rows(schema["properties"][part], part)
        lines.append("")
    return "\n".join(lines)


def _rows(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    required = schema.get("required", ())
    for name, child in schema.get("properties", {}).items():
        inner, here = _contents(child, f"{path}.{name}")
        default = "required" if name in required else _default(child)
        yield f"| `{path}.{name}` | {_type(child)} | {default} | {_text(child)} |"
        yield from _rows(inner, here)


def _contents(schema: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], str]:
    """What the fields below belong to: the items of a list, the values of a map, or the object itself."""
    if "items" in schema:
        return schema["items"], f"{path}[]"
    if "additionalProperties" in schema:
        return schema["additionalProperties"], f"{path}.{_PLACEHOLDER}"
    return schema, path


def _type(schema: Mapping[str, Any]) -> str:
    if "items" in schema:
        return f"list of {_type(schema['items'])}, at most {schema['maxItems']}"
    if "additionalProperties" in schema:
        return f"map to {_type(schema['additionalProperties'])}, at most {schema['maxProperties']}"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "x-kubernetes-int-or-string" in schema:
        return "integer or string"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{schema['type']}, {low} to {high}"
    if "maxLength" in schema:
        return f"{schema['type']}, at most {schema['maxLength']} characters"
    return str(schema["type"])


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default in (None, {}) else f"`{json.dumps(default).strip(chr(34))}`"


def _text(schema: Mapping[str, Any]) -> str:
    """The description, then what the API server's rules ask for."""
    rules = [rule["message"] for part in (schema, schema.get("items", {})) for rule in _validations(part)]
    sentences = [schema["description"], *(f"{rule[0].upper()}{rule[1:]}." for rule in rules)]
    return " ".join(sentences).replace("|", "\\|")


def _validations(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = schema.get("x-kubernetes-validations", [])
    return found
