"""Rules that a schema cannot say: the API server checks them as CEL, and the parser checks the same in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, for ``Annotated`` around a field's type or in the ``rules`` of a model."""

    cel: str
    """For the API server; ``self`` is the value."""
    message: str
    """Says what to do."""
    holds: Callable[[Any], bool]
    """For the parser: the same, of the parsed value."""
    field: str = ""
    """Path of the field within the value that the message is about, such as ``.replicas``."""

    @property
    def schema(self) -> dict[str, str]:
        """The rule as CustomResourceDefinitions take it."""
        where = {"fieldPath": self.field} if self.field else {}
        return {"rule": self.cel, "message": self.message, **where}

    def check(self, value: Any) -> Any:
        """Return the value.

        Raises:
            ValueError: if the rule does not hold.
        """
        if not self.holds(value):
            raise ValueError(self.message)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return with_rules(handler(schema), self)


@dataclass(frozen=True, slots=True)
class ListMap:
    """For ``Annotated`` around a list of models: no two items have the same values of these fields."""

    keys: tuple[str, ...]
    """Names of the fields as in a manifest."""

    def check(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the list.

        Raises:
            ValueError: if two items have the same keys.
        """
        seen = set()
        for item in items:
            fields = item.model_dump(by_alias=True, include=self._attributes(item))
            key = tuple(fields.get(name) for name in self.keys)
            if key in seen:
                raise ValueError(f"two items have the same {' and '.join(self.keys)}")
            seen.add(key)
        return items

    def _attributes(self, item: Any) -> set[str]:
        return {name for name, field in type(item).model_fields.items() if field.alias in self.keys}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(self.keys)}
        return {**handler(schema), **kind}


@dataclass(frozen=True, slots=True)
class ListSet:
    """For ``Annotated`` around a list of strings: no two are the same."""

    def check(self, items: tuple[str, ...]) -> tuple[str, ...]:
        """Return the list.

        Raises:
            ValueError: if something is in it twice.
        """
        if len(set(items)) < len(items):
            raise ValueError("two items are the same")
        return items

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "x-kubernetes-list-type": "set"}


def with_rules(schema: dict[str, Any], *rules: Rule) -> dict[str, Any]:
    """``schema`` with these rules after those that it has."""
    return {**schema, VALIDATIONS: [*schema.get(VALIDATIONS, ()), *(rule.schema for rule in rules)]}


ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
"""For ``json_schema_extra`` of a list that one manager owns as a whole, as Kubernetes' own of the kind."""
