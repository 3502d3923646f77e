"""Templates of session keys and directories: `${channel}:${senderId}`, filled for each message.

A template must keep two senders apart whatever their values hold, so values are encoded to an alphabet without
separators, and two values in a row need a separator between them.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from typing import Final

from tenantry_config.names import TEMPLATE_FIELDS

_PLACEHOLDER: Final = re.compile(r"\$\{([^}]*)\}")
_AS_IT_IS: Final = re.compile(r"[a-z0-9_-]{0,100}")
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_KEY_LITERAL: Final = re.compile(r"[A-Za-z0-9_:.@=+,|-]*")
_SEPARATOR: Final = re.compile(r"[:.@=+,|]")
SESSIONS: Final = "~/.clawdbot/sessions/"
"""The sessions' directory, as configurations call it wherever the state directory is."""
_MAX_TEMPLATE: Final = 256
_MAX_VALUE: Final = 100
_PREFIX: Final = 32
_MAX_NAME: Final = 255
"""Bytes of a directory's name that every file system takes."""
_NAME_PREFIX: Final = 100


class TemplateError(ValueError):
    """A template that cannot be used, or a message that does not fill it; the text says why."""


def encode_value(value: str) -> str:
    """`value` in `[a-z0-9_%-]`, percent-encoded with lower-case digits; injective, for file names too.

    Over 100 bytes it becomes a prefix, `~` (which no encoded value holds) and the value's SHA-256.
    """
    if _AS_IT_IS.fullmatch(value):  # As most are, for each of which this is called with each message.
        return value
    data = value.encode("utf-8")
    encoded = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in data)
    if len(encoded) <= _MAX_VALUE:
        return encoded
    prefix = re.sub(r"%[0-9a-f]?$", "", encoded[:_PREFIX])
    return f"{prefix}~{hashlib.sha256(data).hexdigest()}"


def validate_template(text: str) -> None:
    """Raise TemplateError unless `text` is a session key's template that keeps senders apart."""
    literals = _literals(text)
    for literal in literals:
        if not _KEY_LITERAL.fullmatch(literal):
            raise TemplateError(
                f"{literal!r} may not stand in a session key: use letters, digits and _ - : . @ = + , |"
            )
    for literal in literals[1:-1]:
        if not _SEPARATOR.search(literal):
            raise TemplateError('two values need a separator between them, such as ":", so that no two senders meet')


def validate_directory_template(text: str) -> None:
    """Raise TemplateError unless `text` is a directory's template below the sessions' directory, without a way up."""
    literals = _literals(text)
    if text.startswith(("/", "~")) and not text.startswith(SESSIONS):
        raise TemplateError(f"must be below {SESSIONS}, the sessions' directory in the state directory")
    if any("$" in literal or "\0" in literal for literal in literals):
        raise TemplateError("a directory may not contain $ or NUL outside ${…}")
    if ".." in re.split(r"[/\\]", _PLACEHOLDER.sub("", text)):
        raise TemplateError("a directory may not contain ..")


def fill_directory(text: str, values: Mapping[str, str | None]) -> tuple[str, ...]:
    """The parts of a directory's path below the sessions' directory, its values encoded; TemplateError as above.

    A part that no file system would take is shortened to what it begins with, `~` and its SHA-256.
    """
    literals = _literals(text)
    names = _PLACEHOLDER.findall(text)
    filled = [encode_value(_value(values, name, text)) for name in names]
    path = "".join(literal + value for literal, value in zip(literals, [*filled, ""], strict=True))
    parts = path.removeprefix(SESSIONS.rstrip("/")).split("/")
    return tuple(_directory_name(part) for part in parts if part not in {"", "."})


def _directory_name(part: str) -> str:
    data = part.encode()
    if len(data) <= _MAX_NAME:
        return part
    return f"{data[:_NAME_PREFIX].decode('utf-8', 'ignore')}~{hashlib.sha256(data).hexdigest()}"


def fill_template(text: str, values: Mapping[str, str | None]) -> str:
    """`text` in lower case with its values put in, encoded; TemplateError names a value that is missing."""
    literals = [literal.lower() for literal in _literals(text)]
    names = _PLACEHOLDER.findall(text)
    filled = [encode_value(_value(values, name, text)) for name in names]
    return "".join(literal + value for literal, value in zip(literals, [*filled, ""], strict=True))


def _value(values: Mapping[str, str | None], name: str, text: str) -> str:
    value = values.get(name)
    if not value:
        raise TemplateError(f'the message has no {name}, which "{text}" needs')
    return value


def _literals(text: str) -> list[str]:
    """What stands before, between and after the placeholders; TemplateError for an unknown placeholder."""
    if not text or len(text) > _MAX_TEMPLATE:
        raise TemplateError(f"must have 1 to {_MAX_TEMPLATE} characters")
    for name in _PLACEHOLDER.findall(text):
        if name not in TEMPLATE_FIELDS:
            near = difflib.get_close_matches(name, TEMPLATE_FIELDS, n=1)
            hint = f"did you mean ${{{near[0]}}}?" if near else f"known: {', '.join(TEMPLATE_FIELDS)}"
            raise TemplateError(f"unknown ${{{name}}}; {hint}")
    return _PLACEHOLDER.split(text)[::2]
