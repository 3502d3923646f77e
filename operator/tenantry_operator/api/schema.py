"""From a pydantic model to a structural OpenAPI schema, the only kind that a CustomResourceDefinition takes.

Structural means: no references, no unions but of integer and string, no ``const``, a type at every node. Source:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_VALIDATIONS = "x-kubernetes-validations"
_INT_OR_STRING = "x-kubernetes-int-or-string"
"""Kubernetes' one union, which takes the place of a type."""
_KEPT = (
    "description",
    "type",
    _INT_OR_STRING,
    "format",
    "default",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    _VALIDATIONS,
)
"""In the order in which they are written; ``required`` and the nested schemas follow."""
_DROPPED = {"title", "$defs", "propertyNames"}
_NESTED = {"properties", "required", "items", "additionalProperties"}


class InexpressibleSchema(TypeError):
    """A model uses something that a structural schema cannot say."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """The schema of ``model``, with references inlined, nullability dropped and empty defaults left out.

    Raises:
        InexpressibleSchema: naming the place and the keyword.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}), model.__name__)


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Schema:
    node = _resolve(node, definitions, path)
    if unknown := set(node) - set(_KEPT) - _DROPPED - _NESTED:
        raise InexpressibleSchema(f"{path}: {', '.join(sorted(unknown))} cannot be said in a CRD")
    if not {"type", _INT_OR_STRING} & node.keys():
        raise InexpressibleSchema(f"{path}: has no type")
    if "description" not in node:
        raise InexpressibleSchema(f"{path}: has no description")
    if node.get("type") == "integer":
        node.setdefault("format", "int32" if node.get("maximum", 2**31) < 2**31 else "int64")
    node["description"] = " ".join(node["description"].split())
    result = {key: node[key] for key in _KEPT if key in node}
    if properties := node.get("properties"):
        if required := node.get("required"):
            result["required"] = sorted(required)
        result["properties"] = {
            name: _convert(child, definitions, f"{path}.{name}") for name, child in sorted(properties.items())
        }
    if "items" in node:
        result["items"] = _convert(node["items"], definitions, f"{path}[]")
    if isinstance(values := node.get("additionalProperties"), Mapping):
        result["additionalProperties"] = _convert(values, definitions, f"{path}{{}}")
    _settle_default(result, path)
    return result


def _resolve(node: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Schema:
    """``node`` with its reference or its ``X or null`` replaced by what it stands for; its own keywords win."""
    node = dict(node)
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            inner = definitions[node.pop("$ref").removeprefix("#/$defs/")]
        else:
            options = [option for option in node.pop("anyOf") if option != {"type": "null"}]
            if len(options) != 1:
                raise InexpressibleSchema(f"{path}: a union cannot be said in a CRD")
            inner = options[0]
        validations = [*inner.get(_VALIDATIONS, ()), *node.get(_VALIDATIONS, ())]
        node = {**inner, **node, **({_VALIDATIONS: validations} if validations else {})}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    return node


def _settle_default(schema: Schema, path: str) -> None:
    """An object's default is ``{}``, so that the API server fills in the nested ones; empty defaults say nothing."""
    default = schema.get("default")
    if "properties" in schema and default is not None:
        nested = _nested_defaults(schema)
        if _said(default) != nested:
            raise InexpressibleSchema(f"{path}: the default differs from the defaults of its fields")
        default = schema["default"] = {}
        if nested:
            return
    if default in (None, [], {}):
        schema.pop("default", None)


def _nested_defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What the API server fills into an empty object."""
    defaults = {name: child for name, child in schema["properties"].items() if "default" in child}
    return {
        name: _nested_defaults(child) if "properties" in child else child["default"] for name, child in defaults.items()
    }


def _said(default: Mapping[str, Any]) -> dict[str, Any]:
    """A model's default without what it leaves open, at every depth."""
    said = {name: _said(value) if isinstance(value, Mapping) else value for name, value in default.items()}
    return {name: value for name, value in said.items() if value not in (None, [], {})}
