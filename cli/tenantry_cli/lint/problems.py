"""What is found in a manifest, and where."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
"""Keys and indexes from the document's root."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why the API server refuses an object; `field` and `message` are its own words.

    A blocking problem keeps the API server from looking at the rules: what they are about may not be there.
    """

    path: Path
    field: str
    message: str
    blocking: bool = False
    hint: str = ""


def dotted(path: Sequence[str | int]) -> str:
    """A path as the API server writes it: `spec.bindings[0].agentId`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


ESCAPES = {character: f"\\{letter}" for character, letter in zip('\a\b\f\n\r\t\v\\"', 'abfnrtv\\"', strict=True)}


def quoted(value: Any) -> str:
    """A value as the API server repeats it: nothing in it can move the cursor or turn the text around."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in ESCAPES or character.isprintable():
        return ESCAPES.get(character, character)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
