"""The configuration's file: reads a key of it, and sets one as a whole new file or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import SecretStr

from tenantry_config.document import Config
from tenantry_config.errors import ConfigError
from tenantry_config.fields import child_kind, find, kind_of
from tenantry_config.key import Location, parse_key
from tenantry_config.names import SUBSTITUTION
from tenantry_config.parse import parse_yaml
from tenantry_gateway.config_edit import edited, read_value, rewritten
from tenantry_gateway.storage.disk import FILE_MODE, Disk

REDACTED: Final = "[redacted]"
_KUBERNETES: Final = "In Kubernetes the configuration comes from the Gateway object: kubectl edit gateways.tenantry.dev"


class ConfigFile:
    """A file that need not be there: it is an empty document then."""

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        self._path = path
        self._disk = disk or Disk()

    def get(self, key: str | None = None, *, show_secrets: bool = False) -> str:
        """The document, or a key's value: a scalar plain, anything else as YAML; empty where there is none.

        A key that the file does not set has the model's default. Raises ConfigError.
        """
        text = self._read()
        document = parse_yaml(text)
        if key is None:
            hidden = {} if show_secrets else dict.fromkeys(_secrets(document, (), Config), REDACTED)
            return rewritten(text, hidden) if hidden else text
        location = parse_key(key)
        kind = kind_of(location)
        value = find(document, location)
        return _shown(value if show_secrets else _hide(value, kind))

    def set(self, key: str, value: str) -> None:
        """Set a key; raises ConfigError, with the file as it was, unless the result is a configuration.

        Variables may be missing: what they may hold is not asked.
        """
        location = parse_key(key)
        text = self._read()
        self._write(edited(text, location, read_value(value, location)))

    def _read(self) -> str:
        try:
            return self._path.read_bytes().decode()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise ConfigError("", f"{self._path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise ConfigError("", "the document is not UTF-8") from None

    def _write(self, text: str) -> None:
        try:
            self._replace(Path(os.path.realpath(self._path)), text.encode())
        except OSError as error:
            advice = f". {_KUBERNETES}" if error.errno == errno.EROFS else ""
            raise ConfigError("", f"{self._path} cannot be written: {error.strerror}{advice}") from error

    def _replace(self, target: Path, data: bytes) -> None:
        """Put `data` in place of `target`, whose mode and owner stay: all of it or nothing, also without power."""
        self._disk.make_directories(target.parent)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        draft = Path(name)
        try:
            try:
                self._like(target, descriptor)
                self._disk.write(descriptor, data, 0)
                self._disk.sync(descriptor)
            finally:
                os.close(descriptor)
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._disk.sync_directory(target.parent)

    @staticmethod
    def _like(target: Path, descriptor: int) -> None:
        """Give a new file the mode and the owner of the one that it replaces."""
        try:
            old = target.stat()
        except FileNotFoundError:
            os.fchmod(descriptor, FILE_MODE)
            return
        new = os.fstat(descriptor)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, old.st_mode & 0o7777)


def _secrets(node: object, location: Location, kind: Any) -> Iterator[Location]:
    """Where a secret is written out, or a key that the model does not know: it may be a secret's, misspelt."""
    if node is None:
        return
    if kind is None or kind is SecretStr:
        if not _is_reference(node):
            yield location
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _secrets(value, (*location, key), child_kind(kind, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _secrets(value, (*location, index), child_kind(kind, index))


def _is_reference(node: object) -> bool:
    """Whether a value is a variable's alone."""
    match = SUBSTITUTION.fullmatch(node) if isinstance(node, str) else None
    return match is not None and not match[1]


def _hide(value: object, kind: Any) -> object:
    """`value` with its secrets redacted."""
    hidden = set(_secrets(value, (), kind))
    return _with_hidden(value, (), hidden)


def _with_hidden(node: object, location: Location, hidden: set[Location]) -> object:
    if location in hidden:
        return REDACTED
    if isinstance(node, Mapping):
        return {key: _with_hidden(value, (*location, key), hidden) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_hidden(value, (*location, index), hidden) for index, value in enumerate(node)]
    return node


def _shown(value: object) -> str:
    """A value as a command prints it, with a line's end."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"{value}\n"
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=2**30)
    return text.removesuffix("...\n")
