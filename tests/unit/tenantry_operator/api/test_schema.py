from collections.abc import Mapping
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from tenantry_operator.api.schema import InexpressibleSchema, structural_schema


class Model(BaseModel):
    """A model."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Inner(Model):
    """An inner model."""

    size: int = 3
    """How large."""


def test_references_are_inlined_and_the_fields_description_wins() -> None:
    class Outer(Model):
        """An outer model."""

        inner: Inner
        """What it is here."""

    inner = structural_schema(Outer)["properties"]["inner"]
    assert inner["description"] == "What it is here."
    assert inner["properties"]["size"]["default"] == 3


def test_an_optional_field_is_not_required_and_not_nullable() -> None:
    class Outer(Model):
        """An outer model."""

        name: str | None = None
        """A name."""

    assert structural_schema(Outer) == {
        "description": "An outer model.",
        "type": "object",
        "properties": {"name": {"description": "A name.", "type": "string"}},
    }


def test_an_object_defaults_to_empty_so_that_nested_defaults_appear() -> None:
    class Outer(Model):
        """An outer model."""

        inner: Inner = Inner()
        """What it is here."""

    assert structural_schema(Outer)["properties"]["inner"]["default"] == {}


def test_an_objects_default_that_differs_from_its_fields_defaults_is_refused() -> None:
    class Outer(Model):
        """An outer model."""

        inner: Inner = Inner(size=4)
        """What it is here."""

    with pytest.raises(InexpressibleSchema, match=r"Outer\.inner"):
        structural_schema(Outer)


def test_a_literal_is_an_enum_even_with_one_value() -> None:
    class Outer(Model):
        """An outer model."""

        mode: Literal["token"] = "token"
        """The mode."""

    mode = structural_schema(Outer)["properties"]["mode"]
    assert (mode["type"], mode["enum"], mode["default"]) == ("string", ["token"], "token")


def test_rules_of_the_field_join_the_rules_of_its_type() -> None:
    class Ruled(Model):
        """A model with a rule."""

        model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [{"rule": "a"}]})
        size: int = 1
        """How large."""

    class Outer(Model):
        """An outer model."""

        inner: Annotated[Ruled, Field(json_schema_extra={"x-kubernetes-validations": [{"rule": "b"}]})]
        """What it is here."""

    rules = structural_schema(Outer)["properties"]["inner"]["x-kubernetes-validations"]
    assert [rule["rule"] for rule in rules] == ["a", "b"]


def test_a_map_has_the_schema_of_its_values() -> None:
    class Outer(Model):
        """An outer model."""

        sizes: Mapping[str, Annotated[int, Field(description="One size.", le=10)]] = {}
        """Sizes by name."""

    assert structural_schema(Outer)["properties"]["sizes"] == {
        "description": "Sizes by name.",
        "type": "object",
        "additionalProperties": {"description": "One size.", "type": "integer", "format": "int32", "maximum": 10},
    }


class Undescribed(BaseModel):
    """A model."""

    name: str


class Union(Model):
    """A model."""

    value: int | str
    """A number or a text."""


class Exclusive(Model):
    """A model."""

    size: Annotated[int, Field(gt=0)]
    """More than nothing."""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Undescribed, "Undescribed.name: has no description"),
        (Union, "Union.value: a union cannot"),
        (Exclusive, "Exclusive.size: exclusiveMinimum cannot"),
    ],
)
def test_what_a_crd_cannot_say_is_refused_with_its_place(model: type[BaseModel], message: str) -> None:
    with pytest.raises(InexpressibleSchema, match=message):
        structural_schema(model)
