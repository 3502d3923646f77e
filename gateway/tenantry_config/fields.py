"""What the model knows of each place of the document: its type, its keys and its default."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from tenantry_config.document import Config
from tenantry_config.errors import ConfigError
from tenantry_config.key import Location, path_of


def kind_of(location: Location) -> Any:
    """The type of the value at `location`; raises ConfigError, with the nearest known key, where there can be none."""
    kind: Any = Config
    for end, part in enumerate(location):
        kind = _step(kind, part, location[: end + 1])
    return kind


def child_kind(kind: Any, part: str | int) -> Any:
    """The type of the value under key or index `part` of a value of type `kind`; None where there can be none."""
    if is_section(kind):
        field = _field(kind, part)
        return _bare(field.annotation) if field else None
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return _bare(arguments[1])
    return _bare(arguments[0]) if get_origin(kind) is tuple else None


def is_section(kind: Any) -> bool:
    """Whether values of type `kind` are mappings with keys of their own."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def is_list(kind: Any) -> bool:
    """Whether values of type `kind` are lists."""
    return get_origin(kind) is tuple


def is_text(kind: Any) -> bool:
    """Whether values of type `kind` are strings."""
    return kind in {str, SecretStr} or (
        get_origin(kind) is Literal and all(isinstance(option, str) for option in get_args(kind))
    )


def unknown_key(location: Location) -> str:
    """What to say of a key that the model does not know."""
    known = _known_keys(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    return f'unknown key; did you mean "{near[0]}"?' if near else f"unknown key; known here: {', '.join(known)}"


def find(document: object, location: Location) -> object:
    """The value at `location` of a parsed document, else the model's default (None: it has none).

    Raises ConfigError for a key that the model does not know, and for an entry that the document does not have.
    """
    kind: Any = Config
    node = document
    for end, part in enumerate(location):
        here = location[: end + 1]
        below = _step(kind, part, here)
        node = _entry(kind, node, part, here)
        kind = below
    return node


def _entry(kind: Any, node: object, part: str | int, location: Location) -> object:
    if isinstance(part, int):
        if isinstance(node, list) and part < len(node):
            return node[part]
        raise ConfigError(path_of(location), f"is not there: the list has length {_length(node)}")
    if node is not None and not isinstance(node, Mapping):
        raise ConfigError(path_of(location[:-1]), "must be a mapping")
    if node is not None and part in node:
        return node[part]
    field = _field(kind, part) if is_section(kind) else None
    if field is None or field.is_required():
        known = f"; there are: {', '.join(map(str, node))}" if node and field is None else ""
        raise ConfigError(path_of(location), f"is not set{known}")
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return default.model_dump(mode="json", by_alias=True, exclude_none=True)
    return list(default) if isinstance(default, tuple) else default


def _length(node: object) -> int:
    return len(node) if isinstance(node, list) else 0


def _step(kind: Any, part: str | int, location: Location) -> Any:
    """The type below `kind`, which is that of the place before `location`."""
    if isinstance(part, int) != is_list(kind):
        above = path_of(location[:-1])
        if isinstance(part, int):
            raise ConfigError(path_of(location), f"{above or 'the document'} is no list")
        raise ConfigError(above, "is a list: name an entry, [0] for the first")
    below = child_kind(kind, part)
    if below is not None:
        return below
    if is_section(kind):
        raise ConfigError(path_of(location), unknown_key(location))
    raise ConfigError(path_of(location[:-1]), f"is a single value, with nothing below it{_quoting(location)}")


def _quoting(location: Location) -> str:
    """How to write a name with dots, where one was meant: `rbac.assignments.admin@company.com`."""
    if get_origin(kind_of(location[:-2])) is not dict:
        return ""
    name = f"{location[-2]}.{location[-1]}"
    return f"""; a name with dots needs quotes, in a shell '{path_of(location[:-2])}."{name}"'"""


def _known_keys(location: Location) -> Sequence[str]:
    """The keys that the section at `location` knows."""
    kind: Any = Config
    for part in location:
        kind = child_kind(kind, part)
    return [field.alias or name for name, field in kind.model_fields.items()] if is_section(kind) else []


def _field(kind: Any, part: str | int) -> FieldInfo | None:
    fields: Mapping[str, FieldInfo] = kind.model_fields
    return next((field for name, field in fields.items() if (field.alias or name) == part), None)


def _bare(kind: Any) -> Any:
    """`kind` without Annotated and Optional."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        return _bare(next(option for option in get_args(kind) if option is not NoneType))
    return kind
