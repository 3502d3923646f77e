"""Domain errors of the operator. Framework errors are raised only at the edge, from these."""

from typing import ClassVar


class TenantryError(Exception):
    """Base of every error that this operator raises on purpose."""


class InvalidObject(TenantryError):
    """A custom resource that passed the API server but cannot be used.

    ``path`` is the field's path as kubectl writes it (``spec.agents[main].model``), ``reason`` the condition reason.
    """

    reason: ClassVar[str] = "InvalidSpec"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class ConfigTooLarge(InvalidObject):
    """The rendered configuration does not fit into a ConfigMap."""

    reason: ClassVar[str] = "ConfigTooLarge"
