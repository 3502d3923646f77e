"""Reads YAML as kubectl does, keeps the line of each value, and refuses what only an attacker writes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import yaml

from tenantry_cli.errors import CliError
from tenantry_cli.lint.problems import Path

MAX_BYTES = 3 * 1024 * 1024
"""The API server's own limit of a request."""
MAX_VALUES = 200_000
"""Values of a document after its aliases are followed: a bomb has billions, the largest Gateway a few thousand."""
MAX_DEPTH = 64

BOOLEAN = "tag:yaml.org,2002:bool"
TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null", "merge"))
TRUE = frozenset({"y", "yes", "true", "on"})
FALSE = frozenset({"n", "no", "false", "off"})


class BadYaml(CliError):
    """The text is no YAML that Kubernetes takes; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class Document:
    """One YAML document: its value, and the line (from 1) of each key or item in it."""

    value: Any
    line: int
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """The line of a path, or of the nearest one above it that is written down."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return self.line


class Loader(yaml.SafeLoader):
    """Resolves plain scalars as kubectl's parser does: no dates, no numbers to the base 60."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]


for _tag, _pattern, _first in (
    ("bool", r"^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$", "yYnNtTfFoO"),
    ("int", r"^[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|0[0-7_]*|[1-9][0-9_]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("merge", r"^<<$", "<"),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
):
    Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), [*_first, ""] if _tag == "null" else list(_first)
    )


def read_documents(text: str) -> Iterator[Document]:
    """Each document that is not empty.

    Raises:
        BadYaml: at the first one that cannot be read.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadYaml(1, f"larger than {MAX_BYTES // 1024 // 1024} MiB, which the API server refuses unread")
    loader: Loader | None = None
    try:
        loader = Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            document = Document(None, node.start_mark.line + 1)
            document.value = _Builder(loader, document).build(node, ())
            if document.value is not None:
                yield document
    except yaml.YAMLError as error:
        raise _bad(error) from error
    except RecursionError as error:
        raise BadYaml(1, f"nested deeper than {MAX_DEPTH} levels") from error
    finally:
        if loader is not None:
            loader.dispose()


def _bad(error: yaml.YAMLError) -> BadYaml:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    return BadYaml(mark.line + 1 if mark else 1, f"no YAML: {what}")


class _Builder:
    """Builds one document's value out of its nodes, counting what it builds."""

    def __init__(self, loader: Loader, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._count = 0

    def build(self, node: Any, path: Path) -> Any:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_VALUES:
            raise BadYaml(line, f"more than {MAX_VALUES} values, once aliases are followed")
        if len(path) > MAX_DEPTH:
            raise BadYaml(line, f"nested deeper than {MAX_DEPTH} levels")
        if node.tag not in TAGS:
            raise BadYaml(line, f"tag {node.tag!r}: Kubernetes objects have no tags")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        return self._scalar(node)

    def _sequence(self, node: yaml.SequenceNode, path: Path) -> list[Any]:
        for index, item in enumerate(node.value):
            self._document.lines[*path, index] = item.start_mark.line + 1
        return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.append(value_node)
                continue
            key = self._key(key_node)
            if key in found:
                raise BadYaml(key_node.start_mark.line + 1, f'key "{key}" is there twice')
            self._document.lines[*path, key] = key_node.start_mark.line + 1
            found[key] = self.build(value_node, (*path, key))
        for value_node in merged:
            sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for source in sources:
                found = {**self.build(self._mapping_node(source), path), **found}
        return found

    def _mapping_node(self, node: Any) -> yaml.MappingNode:
        if not isinstance(node, yaml.MappingNode):
            raise BadYaml(node.start_mark.line + 1, "<< must be followed by a mapping")
        return node

    def _key(self, node: Any) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise BadYaml(node.start_mark.line + 1, "a key must be a string")
        value = self._scalar(node)
        if value is None:
            raise BadYaml(node.start_mark.line + 1, "a key must be a string, not null")
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def _scalar(self, node: Any) -> Any:
        line = node.start_mark.line + 1
        if node.tag == BOOLEAN:
            return self._boolean(node.value.lower(), line)
        try:
            value = self._loader.construct_object(node)
            # JSON knows one kind of number: 1e3 is as good as 1000 for an integer.
            return int(value) if isinstance(value, float) and value.is_integer() else value
        except (ValueError, yaml.YAMLError) as error:
            raise BadYaml(line, f"{node.value[:40]!r} is not what its tag says") from error

    @staticmethod
    def _boolean(text: str, line: int) -> bool:
        if text not in TRUE | FALSE:
            raise BadYaml(line, f"{text[:40]!r} is not true or false")
        return text in TRUE
