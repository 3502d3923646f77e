"""Templates of session keys and directories: two senders never meet, and no value leads out of the directory.

Input: a template and two messages' values, with NULs between them; the values of a message are lines.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final

from tenantry_config.names import TEMPLATE_FIELDS
from tenantry_config.template import (
    TemplateError,
    encode_value,
    fill_directory,
    fill_template,
    validate_directory_template,
    validate_template,
)
from tests.fuzz.targets import pieces

TOKENS: Final = (
    *(b"${channel}", b"${channelId}", b"${senderId}", b"${agentId}", b"${", b"}", b":", b"|", b"/", b"\\"),
    *(b"..", b"~/.clawdbot/sessions/", b"%2e", b"%", b"~", b"\n", b"\0", b"x" * 100, "ä".encode()),
)
_KEY: Final = re.compile(r"[a-z0-9_:.@=+,|%~-]+")
_PLACEHOLDER: Final = re.compile(r"\$\{(\w+)\}")
_MAX_NAME: Final = 255
"""Bytes of a file's name, on every file system that Linux mounts."""

Values = dict[str, str | None]


def fuzz(data: bytes) -> None:
    """One template, filled for two messages."""
    text, one, other = (piece.decode("utf-8", "replace") for piece in pieces(data, 3))
    _check(text, _values(one), _values(other))


def _values(text: str) -> Values:
    return dict(zip_longest(TEMPLATE_FIELDS, text.split("\n")[: len(TEMPLATE_FIELDS)]))


def _check(text: str, one: Values, other: Values) -> None:
    for value in (*one.values(), *other.values()):
        assert re.fullmatch(r"[a-z0-9_%-]*(~[0-9a-f]{64})?", encode_value(value or ""))
    for value, second in zip(one.values(), other.values(), strict=True):
        assert (encode_value(value or "") == encode_value(second or "")) == ((value or "") == (second or ""))
    if _is_valid(validate_template, text):
        keys = [_filled(text, values) for values in (one, other)]
        if None not in keys:
            same = all(one[name] == other[name] for name in _PLACEHOLDER.findall(text))
            assert (keys[0] == keys[1]) == same
    if _is_valid(validate_directory_template, text):
        _check_directory(text, one)


def _is_valid(validate: object, text: str) -> bool:
    assert callable(validate)
    try:
        validate(text)
    except TemplateError as error:
        assert str(error)
        return False
    return True


def _filled(text: str, values: Values) -> str | None:
    """The key; None where the message does not fill the template."""
    complete = all(values[name] for name in _PLACEHOLDER.findall(text))
    try:
        key = fill_template(text, values)
    except TemplateError:
        assert not complete
        return None
    assert complete
    assert _KEY.fullmatch(key)
    return key


def _check_directory(text: str, values: Values) -> None:
    try:
        parts = fill_directory(text, values)
    except TemplateError:
        assert not all(values[name] for name in _PLACEHOLDER.findall(text))
        return
    for part in parts:
        assert part not in {"", ".", ".."}
        assert not {"/", "\0"} & set(part)
        assert len(part.encode()) <= _MAX_NAME


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
