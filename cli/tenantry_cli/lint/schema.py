"""The schema's part of the API server's validation: defaults, then types, bounds, required and unknown fields.

Only what our definitions use is here; a test holds the verdicts and the words against a real API server's.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tenantry_cli.lint.kubernetes_cel import matches
from tenantry_cli.lint.problems import Path, Problem, dotted, quoted

Schema = Mapping[str, Any]
INT_OR_STRING = "x-kubernetes-int-or-string"
TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
BITS = {"int32": 31, "int64": 63}


def with_defaults(value: Any, schema: Schema) -> Any:
    """A copy with the schema's defaults filled in, as the API server stores it; null counts as left out."""
    if isinstance(value, list):
        return [with_defaults(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    properties: Mapping[str, Schema] = schema.get("properties", {})
    rest = schema.get("additionalProperties", {})
    filled = {key: one for key, one in value.items() if one is not None}
    for key, one in properties.items():
        if "default" in one and key not in filled:
            filled[key] = one["default"]
    return {key: with_defaults(one, properties.get(key, rest)) for key, one in filled.items()}


def unknown_fields(value: Any, schema: Schema, path: Path = ()) -> Iterator[Problem]:
    """Fields that the schema does not have: the API server's strict decoding refuses them."""
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from unknown_fields(item, schema["items"], (*path, index))
    if not isinstance(value, dict) or schema.get("type") != "object":
        return
    properties: Mapping[str, Schema] = schema.get("properties", {})
    for key, one in value.items():
        child = properties.get(key, schema.get("additionalProperties"))
        if isinstance(child, Mapping):
            yield from unknown_fields(one, child, (*path, key))
        elif properties:
            field = dotted((*path, key))
            yield Problem((*path, key), field, f'unknown field "{field}"', blocking=True, hint=nearest(key, properties))


def nearest(key: str, known: Iterable[str]) -> str:
    """What was probably meant."""
    lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(key.lower(), lower, n=1)
    if near:
        return f'did you mean "{lower[near[0]]}"?'
    return f"there are: {', '.join(sorted(lower.values()))}" if len(lower) <= 12 else ""


def validate(value: Any, schema: Schema, path: Path) -> Iterator[Problem]:
    """Everything that the schema refuses in a value whose defaults are filled in."""
    kinds: tuple[str, ...] = (schema["type"],) if "type" in schema else ()
    if schema.get(INT_OR_STRING):
        kinds = ("integer", "string")
    if kinds and not any(TYPES[kind](value) for kind in kinds):
        yield _wrong_type(value, kinds, path)
        return
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(map(json.dumps, schema["enum"]))
        yield Problem(path, dotted(path), f"Unsupported value: {quoted(value)}: supported values: {supported}", True)
    if isinstance(value, str):
        yield from _string(value, schema, path)
    elif isinstance(value, list):
        yield from _list(value, schema, path)
    elif isinstance(value, dict):
        yield from _object(value, schema, path)
    elif not isinstance(value, bool):
        yield from _number(value, schema, path)


def _invalid(path: Path, value: object, rest: str) -> Problem:
    return Problem(path, dotted(path), f"Invalid value: {value}: {dotted(path)} in body {rest}")


def _wrong_type(value: Any, kinds: tuple[str, ...], path: Path) -> Problem:
    found = "null" if value is None else next(kind for kind, test in TYPES.items() if test(value))
    body = f'"{found}": {dotted(path)} in body must be of type {",".join(kinds)}: "{found}"'
    return Problem(path, dotted(path), f"Invalid value: {body}", blocking=True)


def _string(value: str, schema: Schema, path: Path) -> Iterator[Problem]:
    """The first of its faults: the API server tells no more."""
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        message = f"Too long: may not be more than {schema['maxLength']} bytes"
        yield Problem(path, dotted(path), message, blocking=True)
    elif "minLength" in schema and len(value) < schema["minLength"]:
        yield _invalid(path, quoted(value), f"should be at least {schema['minLength']} chars long")
    elif "pattern" in schema and not matches(schema["pattern"], value):
        yield _invalid(path, quoted(value), f"should match '{schema['pattern']}'")


def _number(value: float, schema: Schema, path: Path) -> Iterator[Problem]:
    if schema.get("format") in BITS and not -(1 << BITS[schema["format"]]) <= value < 1 << BITS[schema["format"]]:
        message = f"Checked value must be of type integer with format {schema['format']} in {dotted(path)}"
        yield Problem(path, "<nil>", f'Invalid value: "": {message}')
    if "minimum" in schema and value < schema["minimum"]:
        yield _invalid(path, value, f"should be greater than or equal to {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        yield _invalid(path, value, f"should be less than or equal to {schema['maximum']}")


def _too_many(path: Path, count: int, most: int) -> Problem:
    return Problem(path, dotted(path), f"Too many: {count}: must have at most {most} items", blocking=True)


def _list(value: list[Any], schema: Schema, path: Path) -> Iterator[Problem]:
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield _too_many(path, len(value), schema["maxItems"])
    if len(value) < schema.get("minItems", 0):
        yield _invalid(path, len(value), f"should have at least {schema['minItems']} items")
    for index, item in enumerate(value):
        yield from validate(item, schema.get("items", {}), (*path, index))
    yield from _duplicates(value, schema, path)


def _duplicates(value: list[Any], schema: Schema, path: Path) -> Iterator[Problem]:
    """Second members of what is a set, or a map keyed by some of its items' fields."""
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", ())
    seen: set[str] = set()
    for index, item in enumerate(value):
        if kind == "set":
            mark = quoted(item)
        elif kind == "map" and isinstance(item, dict):
            mark = quoted({key: item[key] for key in sorted(keys) if key in item})
        else:
            continue
        if mark in seen:
            yield Problem((*path, index), dotted((*path, index)), f"Duplicate value: {mark}")
        seen.add(mark)


def _object(value: dict[str, Any], schema: Schema, path: Path) -> Iterator[Problem]:
    if "maxProperties" in schema and len(value) > schema["maxProperties"]:
        yield _too_many(path, len(value), schema["maxProperties"])
    if len(value) < schema.get("minProperties", 0):
        yield _invalid(path, len(value), f"should have at least {schema['minProperties']} properties")
    for key in schema.get("required", ()):
        if key not in value:
            yield Problem((*path, key), dotted((*path, key)), "Required value", blocking=True)
    properties: Mapping[str, Schema] = schema.get("properties", {})
    for key, one in value.items():
        child = properties.get(key, schema.get("additionalProperties"))
        if isinstance(child, Mapping):
            yield from validate(one, child, (*path, key))
