"""Edits of the configuration's text. Pure: comments, order and quotes stay; what cannot be kept is refused."""

from __future__ import annotations

import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, FoldedScalarString, LiteralScalarString
from ruamel.yaml.tokens import CommentToken

from tenantry_config.errors import ConfigError
from tenantry_config.fields import is_text, kind_of
from tenantry_config.key import Location, path_of
from tenantry_config.load import check_config
from tenantry_config.parse import parse_value, parse_yaml

_PREAMBLE: Final = re.compile(r"\A\ufeff?(?:(?:[#%][^\n]*|[ \t]*)\n)*---[ \t]*(?:#[^\n]*)?\n")
"""What stands before the document and its first line `---`."""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_COMMENT: Final = re.compile(r"#[^\n]*[^\s]")
_WIDTH: Final = 2**30
"""No line is broken."""


def read_value(text: str, location: Location) -> object:
    """A command line's VALUE: as it stands where the model wants a string, else YAML; raises ConfigError."""
    kind = kind_of(location)
    if is_text(kind):
        return text
    try:
        return parse_value(text)
    except ConfigError as error:
        raise ConfigError(path_of(location), error.message) from None


def edited(text: str, location: Location, value: object) -> str:
    """`text` with `value` at `location`; raises ConfigError where the result would not be a configuration.

    Mappings on the way to it are made, and the place after a list's last entry is added. Nothing else changes its
    meaning, and no comment is lost.
    """
    expected = _with(parse_yaml(text), (), location, value)
    preamble, document = _load(text)
    _put(document.root, location, value)
    result = preamble + document.text()
    if not _says(result, expected):
        raise ConfigError(path_of(location), "another key would change, too, through an anchor: edit the file by hand")
    check_config(result)
    if Counter(_comments(text)) - Counter(_comments(result)):
        raise ConfigError(
            path_of(location), "a comment in it would be lost: edit the file by hand, or set what is below"
        )
    return result


def rewritten(text: str, replace: Mapping[Location, object]) -> str:
    """`text` with other values at places that it has, unchecked."""
    preamble, document = _load(text)
    for location, value in replace.items():
        _put(document.root, location, value)
    return preamble + document.text()


class _Document:
    """A document as ruamel.yaml keeps it, and the indentation that it was written with."""

    def __init__(self, text: str) -> None:
        step, dash = _indentation(text)
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = _WIDTH
        self._yaml.indent(mapping=step, sequence=dash + 2, offset=dash)
        self.root: Any = self._yaml.load(text) or self._yaml.map()

    def text(self) -> str:
        """The document as text."""
        stream = io.StringIO()
        self._yaml.dump(self.root, stream)
        return stream.getvalue()


def _load(text: str) -> tuple[str, _Document]:
    """What stands before the document, and the document."""
    if not re.sub(r"^(?:#.*|---[ \t]*(?:#.*)?)$", "", text, flags=re.MULTILINE).strip("\ufeff \t\r\n"):
        return text + "\n" * (text[-1:] not in {"", "\n"}), _Document("")
    match = _PREAMBLE.match(text)
    preamble = match[0] if match else ""
    try:
        return preamble, _Document(text[len(preamble) :])
    except (
        YAMLError,
        yaml.YAMLError,
        ValueError,
    ) as error:  # libyaml, which reads it elsewhere, takes more than either.
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise ConfigError("", f"cannot be edited: {problem}; edit the file by hand") from None


def _indentation(text: str) -> tuple[int, int]:
    """How far most mappings are indented, and the dashes of most lists; two where there is none."""
    steps, dashes = Counter({2: 0}), Counter({2: 0})
    for node, column in _block_nodes(yaml.compose(text, Loader=yaml.SafeLoader), None):
        counter = steps if isinstance(node, yaml.MappingNode) else dashes
        counter[node.start_mark.column - column] += 1
    return max(steps, key=lambda step: steps[step]), max(dashes, key=lambda dash: dashes[dash])


def _block_nodes(node: yaml.Node | None, column: int | None) -> Iterator[tuple[yaml.CollectionNode, int]]:
    """The mappings and lists that are values of keys, not in braces or brackets, with their keys' columns."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style:
        return
    if column is not None:
        yield node, column
    for entry in node.value:
        if isinstance(node, yaml.MappingNode):
            yield from _block_nodes(entry[1], entry[0].start_mark.column)
        else:
            yield from _block_nodes(entry, None)


def _with(node: object, place: Location, location: Location, value: object) -> object:
    """A parsed document with `value` at `location`; `node` is what it has at `place`."""
    if place == location:
        return value
    part = location[len(place)]
    below = (*place, part)
    if isinstance(part, str):
        if node is not None and not isinstance(node, Mapping):
            raise ConfigError(path_of(place), "must be a mapping")
        entries = dict(node or {})
        return {**entries, part: _with(entries.get(part), below, location, value)}
    if node is not None and not isinstance(node, list):
        raise ConfigError(path_of(place), "must be a list")
    items = list(node or [])
    if part > len(items):
        raise ConfigError(path_of(below), f"is too far: the next entry is {path_of((*place, len(items)))}")
    item = _with(items[part] if part < len(items) else None, below, location, value)
    return [*items[:part], item, *items[part + 1 :]]


def _put(root: Any, location: Location, value: object) -> None:
    """Set `value` in a document of ruamel.yaml; that there is a place for it was found out by `_with`."""
    node = root
    for part, following in itertools.pairwise(location):
        if _entry(node, part) is None:
            _assign(node, part, CommentedMap() if isinstance(following, str) else CommentedSeq())
        node = node[part]
    _assign(node, location[-1], value)


def _entry(node: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return node[part] if part < len(node) else None
    return node.get(part)


def _assign(node: Any, part: str | int, value: object) -> None:
    old = _entry(node, part)
    below = _take_comment_below(node, part) if old is not None else ""
    new = _node(value, quoted=isinstance(old, DoubleQuotedScalarString))
    if isinstance(part, int) and part == len(node):
        node.append(new)
        return
    node[part if isinstance(part, int) or part in node else _scalar(part)] = new
    if below:
        _put_comment_below(node, part, below)


def _take_comment_below(node: Any, part: str | int) -> str:
    """Take the lines after an entry away from it: they are about what follows, and ruamel.yaml has them at its end.

    A comment on the entry's last line stays.
    """
    holder, last = _last_line(node, part)
    tokens = holder.ca.items.get(last)
    place = _place(holder)
    token = tokens[place] if tokens and len(tokens) > place else None
    if token is None:
        return ""
    text: str = token.value
    if isinstance(holder[last], LiteralScalarString | FoldedScalarString) and not text.startswith("\n"):
        text = "\n" + " " * token.start_mark.column + text
    beside, _, below = text.partition("\n")
    if beside:
        token.value = f"{beside}\n"
    else:
        tokens[place] = None
    return f"\n{below}" if below else ""


def _put_comment_below(node: Any, part: str | int, below: str) -> None:
    """Give an entry the lines that stand after it."""
    holder, last = _last_line(node, part)
    tokens = holder.ca.items.setdefault(last, [None] * 4)
    place = _place(holder)
    if tokens[place] is None:
        tokens[place] = CommentToken(below, CommentMark(0))
    else:
        tokens[place].value = tokens[place].value.rstrip("\n") + below


def _last_line(node: Any, part: str | int) -> tuple[Any, Any]:
    """The mapping or list, and the key or index in it, of the last line of the entry `part`."""
    while isinstance(node[part], CommentedMap | CommentedSeq) and node[part] and not node[part].fa.flow_style():
        node = node[part]
        part = next(reversed(node)) if isinstance(node, CommentedMap) else len(node) - 1
    return node, part


def _place(node: Any) -> int:
    """Where ruamel.yaml keeps what stands after an entry."""
    return 0 if isinstance(node, CommentedSeq) else 2


def _node(value: object, *, quoted: bool = False) -> object:
    """`value` as ruamel.yaml writes it so that YAML 1.1, which reads `yes` as true, reads the same."""
    if isinstance(value, str):
        return DoubleQuotedScalarString(value) if quoted else _scalar(value)
    if isinstance(value, Mapping) and not isinstance(value, CommentedMap):
        return CommentedMap((_scalar(key), _node(child)) for key, child in value.items())
    if isinstance(value, list) and not isinstance(value, CommentedSeq):
        return CommentedSeq(_node(child) for child in value)
    return value


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and parse_value(text) == text
    return text if plain else DoubleQuotedScalarString(text)


def _says(text: str, expected: object) -> bool:
    """Whether `text` is YAML that says what is expected."""
    try:
        return _same(parse_yaml(text), expected)
    except ConfigError:
        return False


def _same(one: object, other: object) -> bool:
    """Whether two parsed documents are the same, types included: `1` is not `true`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def _comments(text: str) -> Iterator[str]:
    """The comments: what begins with # between two tokens."""
    end = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        yield from _COMMENT.findall(text[end : token.start_mark.index])
        end = token.end_mark.index
    yield from _COMMENT.findall(text[end:])
