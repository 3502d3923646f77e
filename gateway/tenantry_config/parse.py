"""YAML as plain data: no duplicate keys, no deep nesting, no aliases that explode, string keys only."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Final

import yaml

from tenantry_config.errors import ConfigError

MAX_BYTES: Final = 4 * 1024 * 1024
"""A ConfigMap holds at most 1 MiB; the rest is room for hand-written files."""
_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 200_000

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it is there: 15 times as fast, and the event loop waits for it."""


_Loader: Any = type("_Loader", (_Base,), {})


def _construct_mapping(loader: Any, node: yaml.MappingNode) -> Iterator[dict[Hashable, Any]]:
    """A dict of `node`; raises a YAML error with the place of a key that is double or no string."""
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.tag != "tag:yaml.org,2002:str":
            raise yaml.constructor.ConstructorError(None, None, "a key must be a string: quote it", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f'duplicate key "{key.value}"', key.start_mark)
        seen.add(key.value)
    yield from loader.construct_yaml_map(node)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def parse_yaml(text: str) -> dict[str, Any]:
    """The mapping that `text` holds (empty text: an empty one); raises ConfigError with line and column."""
    if len(text) > MAX_BYTES:
        raise ConfigError("", f"the document is larger than {MAX_BYTES} characters")
    try:
        _check_size(text)
        document = _compose(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError("", f"not valid YAML: {_describe(error)}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError("", "the document must be a mapping of sections such as gateway, agents and bindings")
    _check_expansion(document)
    return document


def _compose(text: str) -> object:
    loader = _Loader(text)
    try:
        document: object = loader.get_single_data()
    finally:
        loader.dispose()
    return document


def _check_size(text: str) -> None:
    """Refuse nesting that would exhaust the stack before the document is composed."""
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                mark: Any = event.start_mark
                raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_expansion(document: object) -> None:
    """Refuse aliases that expand to more than a document of that size could hold, or to themselves."""
    pending = [(document, 1)]
    nodes = 0
    while pending:
        node, depth = pending.pop()
        nodes += 1
        if nodes > _MAX_NODES or depth > 2 * _MAX_DEPTH:
            raise ConfigError("", "the document's aliases expand to too much")
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        pending.extend((child, depth + 1) for child in children)


def _describe(error: Exception) -> str:
    """PyYAML's problem with its place. The text around it is left out: it may hold a secret."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    mark = getattr(error, "problem_mark", None)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)
