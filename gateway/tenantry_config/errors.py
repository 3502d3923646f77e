"""What can be wrong with a configuration."""

from __future__ import annotations


class ConfigError(Exception):
    """The document cannot be used; `path` says where (empty: the document as a whole), `message` what to do.

    The message never holds a secret's value.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class MissingVariable(ConfigError):
    """A variable has no value, or an empty one. It may appear later, as a file of a Secret does."""

    def __init__(self, path: str, name: str, purpose: str = "") -> None:
        super().__init__(path, f"variable {name} is missing or empty" + (f": {purpose}" if purpose else ""))
        self.name = name
