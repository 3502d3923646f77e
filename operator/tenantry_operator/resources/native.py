"""Kubernetes' own types as the API server prints them: what is empty is left out, unless that means something."""

from __future__ import annotations

from typing import Any

from tenantry_operator.api.v1alpha1.common import ApiModel

_MEANS_SOMETHING = frozenset({"labelSelector", "namespaceSelector", "preference"})
"""Fields whose empty value the API server keeps: an empty selector matches everything."""
_MAPS = frozenset({"matchLabels"})
"""Fields whose keys are the user's: an empty value of one is a value."""


def native(part: ApiModel) -> dict[str, Any]:
    """A part of a Gateway that is typed as Kubernetes types it, as a part of a manifest."""
    return _without_empty(part.model_dump(mode="json", by_alias=True, exclude_none=True))


def _without_empty(value: dict[str, Any]) -> dict[str, Any]:
    kept = {name: inner if name in _MAPS else _shortened(inner) for name, inner in value.items()}
    return {name: inner for name, inner in kept.items() if inner not in ("", [], {}) or name in _MEANS_SOMETHING}


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return _without_empty(value)
    return [_shortened(item) for item in value] if isinstance(value, list) else value
