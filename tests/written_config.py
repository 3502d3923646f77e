"""A configuration as a document has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from tenantry_config.escape import escape_substitutions


def written(value: object) -> Any:
    """A model as a document has it, secrets and all; defaults are written, too."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        return {field.alias or name: written(getattr(value, name)) for name, field in fields}
    if isinstance(value, Mapping):
        return {key: written(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [written(item) for item in value]
    if isinstance(value, SecretStr):
        return escape_substitutions(value.get_secret_value())
    return escape_substitutions(value) if isinstance(value, str) else value
