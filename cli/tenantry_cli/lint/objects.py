"""The API server's whole verdict on one new object of ours."""

from typing import Any

from tenantry_cli.lint.definitions import schema
from tenantry_cli.lint.object_meta import metadata_problems
from tenantry_cli.lint.problems import Problem
from tenantry_cli.lint.rules import broken_rules
from tenantry_cli.lint.schema import unknown_fields, validate, with_defaults

TOP = ("apiVersion", "kind", "metadata")


def problems_of(manifest: dict[str, Any]) -> list[Problem]:
    """Why the API server would refuse to create a Gateway or AgentBinding; empty where it would not.

    All unknown fields are told together with the rest, while the API server stops after them.
    """
    whole = schema(manifest["kind"], manifest["apiVersion"])
    unknown = [one for one in unknown_fields(manifest, whole) if one.path[0] != "metadata"]
    found = [*metadata_problems(manifest.get("metadata"))]
    filled = with_defaults(_known(manifest, whole), whole)
    content = {key: value for key, value in filled.items() if key not in ("metadata", "status")}
    found += validate(content, whole, ())
    if not any(one.blocking for one in found):
        found += broken_rules({**content, "metadata": manifest.get("metadata")}, _with_name(whole))
    return unknown + found


def _known(value: Any, schema: Any) -> Any:
    """A copy without the unknown fields: they are told already, and count for nothing else."""
    if isinstance(value, list):
        return [_known(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict) or schema.get("type") != "object":
        return value
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
    children = ((key, one, properties.get(key, rest)) for key, one in value.items())
    if not properties and rest is None:
        return value
    return {key: _known(one, child) for key, one, child in children if isinstance(child, dict)}


def _with_name(whole: dict[str, Any]) -> dict[str, Any]:
    """The schema as rules on the whole object see it: of metadata, they may use the names."""
    names = {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}}
    return {**whole, "properties": {**whole["properties"], "metadata": names}}
