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
_MERGE: Final = "tag:yaml.org,2002:merge"
_QUOTING: Final = ("could not determine a constructor for the tag", "found undefined alias")
"""Problems that PyYAML tells with a piece of the document."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it is there: 15 times as fast, and the event loop waits for it."""


_Loader: Any = type("_Loader", (_Base,), {})


def _construct_mapping(loader: Any, node: yaml.MappingNode) -> Iterator[dict[Hashable, Any]]:
    """A dict of `node`; raises a YAML error with the place of a key that is double or no string."""
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == _MERGE:
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
    document = parse_value(text)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError("", "the document must be a mapping of sections such as gateway, agents and bindings")
    return document


def parse_value(text: str) -> object:
    """Whatever YAML value `text` holds; raises ConfigError with line and column."""
    if len(text) > MAX_BYTES:
        raise ConfigError("", f"the document is larger than {MAX_BYTES} characters")
    try:
        _check_size(text)
        document = _compose(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError("", f"not valid YAML: {_describe(error)}") from None
    except RecursionError:
        raise ConfigError("", "not valid YAML: nested too deeply") from None
    except (LookupError, AttributeError, TypeError, ArithmeticError):
        # What PyYAML makes of `!!bool maybe` and `!!int ''`.
        raise ConfigError("", "not valid YAML: a value is not what its tag (!!int, !!map …) says") from None
    _check_expansion(document)
    return document


def _compose(text: str) -> object:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_merges(node)
        document: object = loader.construct_document(node)
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


def _check_merges(root: yaml.Node) -> None:
    """Refuse merge keys (`<<`) that add up to more than a document could hold: PyYAML copies what each one merges."""
    sizes: dict[int, int] = {}
    total = 0
    for node in _nodes(root):
        if isinstance(node, yaml.MappingNode):
            total += _merged_size(node, sizes)
        if total > _MAX_NODES:
            raise yaml.MarkedYAMLError(problem="merge keys expand to too much", problem_mark=node.start_mark)


def _nodes(root: yaml.Node) -> Iterator[yaml.Node]:
    """Every node once, however many aliases lead to it."""
    seen: set[int] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            pending.extend(part for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)


def _merged_size(node: yaml.MappingNode, sizes: dict[int, int]) -> int:
    """How many pairs the mapping has once its merge keys are replaced; one that merges itself adds nothing to it."""
    if id(node) not in sizes:
        sizes[id(node)] = 0
        size = 0
        for key, value in node.value:
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            if key.tag == _MERGE:
                size += sum(_merged_size(each, sizes) for each in merged if isinstance(each, yaml.MappingNode))
            else:
                size += 1
        sizes[id(node)] = size
    return sizes[id(node)]


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
    problem = next((known for known in _QUOTING if str(problem).startswith(known)), problem)
    mark = getattr(error, "problem_mark", None)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)
