"""The rules' part of the API server's validation: `x-kubernetes-validations`, in CEL."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tenantry_cli.lint.kubernetes_cel import Unusable, holds
from tenantry_cli.lint.problems import Path, Problem, dotted, quoted

KEYWORDS = frozenset(
    {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"}
    | {"let", "loop", "package", "namespace", "return", "var", "void", "while"}
)
STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']+)'\]")


def broken_rules(value: Any, schema: Mapping[str, Any], path: Path = ()) -> Iterator[Problem]:
    """Each rule that a valid value breaks. Rules about changes have nothing to say about a new object."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" in rule["rule"]:
            continue
        message = rule.get("message") or f"failed rule: {rule['rule']}"
        try:
            if not holds(rule["rule"], escaped(value, schema)):
                where = (*path, *steps(rule.get("fieldPath", "")))
                shown = "" if isinstance(value, dict | list) else f"{quoted(value)}: "
                yield Problem(where, dotted(where), f"Invalid value: {shown}{message}")
        except Unusable as error:
            kind = schema.get("type", "string")
            yield Problem(path, dotted(path), f'Invalid value: "{kind}": {error} evaluating rule: {message}')
    for key, child in children(value, schema):
        yield from broken_rules(value[key], child, (*path, key))


def children(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Key or index, and schema, of each value below."""
    if isinstance(value, list):
        for index in range(len(value)):
            yield index, schema.get("items", {})
    elif isinstance(value, dict):
        for key in value:
            child = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if isinstance(child, Mapping):
                yield key, child


def escaped(value: Any, schema: Mapping[str, Any]) -> Any:
    """`self` as rules see it: properties whose names are no identifiers are called otherwise, keys of maps are not."""
    if isinstance(value, list):
        return [escaped(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    return {
        escape(key) if key in properties else key: escaped(value[key], child) for key, child in children(value, schema)
    }


def escape(name: str) -> str:
    """A property's name in CEL: https://kubernetes.io/docs/reference/using-api/cel/#escaping."""
    if name in KEYWORDS:
        return f"__{name}__"
    for character, word in (("__", "underscores"), (".", "dot"), ("-", "dash"), ("/", "slash")):
        name = name.replace(character, f"__{word}__")
    return name


def steps(field_path: str) -> Path:
    """The keys of a rule's `fieldPath`: `.a['b-c']`."""
    return tuple(plain or bracketed for plain, bracketed in STEP.findall(field_path))
