"""The models that the stand-in lists, and how it takes the others.

A name that could be a Claude model's, which has a number in it, is answered though it is not listed: new ones come out
faster than this list is mended. Any other gets the real API's 404.

Names, lines and limits follow the model list of the official SDK and the public documentation; release dates are kept
coarse, as nothing depends on them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its limits in tokens, and whether it takes a prefilled answer and sampling parameters."""

    id: str
    name: str
    line: str
    created: str
    max_tokens: int = 64_000
    lifecycle: str = "active"
    prefill: bool = True
    sampling: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return what GET /v1/models shows of it."""
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.name,
            "created_at": f"{self.created}T00:00:00Z",
            "lifecycle": self.lifecycle,
            "deprecated_at": None,
            "retires_at": None,
            "line": self.line,
            "max_input_tokens": 200_000,
            "max_tokens": self.max_tokens,
            "capabilities": None,
        }


MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model("claude-opus-5-5", "Claude Opus 5.5", "opus", "2026-09-01", 128_000, prefill=False, sampling=False),
        Model("claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet", "2026-09-01", 128_000, prefill=False, sampling=False),
        Model("claude-haiku-5-5", "Claude Haiku 5.5", "haiku", "2026-09-01", prefill=False, sampling=False),
        Model("claude-opus-5", "Claude Opus 5", "opus", "2026-06-01", 128_000, prefill=False, sampling=False),
        Model("claude-sonnet-5", "Claude Sonnet 5", "sonnet", "2026-06-01", 128_000, prefill=False, sampling=False),
        Model("claude-opus-4-8", "Claude Opus 4.8", "opus", "2026-04-01", 128_000, prefill=False, sampling=False),
        Model("claude-opus-4-6", "Claude Opus 4.6", "opus", "2026-02-01", 128_000, prefill=False),
        Model("claude-sonnet-4-6", "Claude Sonnet 4.6", "sonnet", "2026-02-01", prefill=False),
        Model("claude-opus-4-5-20251101", "Claude Opus 4.5", "opus", "2025-11-01"),
        Model("claude-opus-4-5", "Claude Opus 4.5", "opus", "2025-11-01"),
        Model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "haiku", "2025-10-01"),
        Model("claude-haiku-4-5", "Claude Haiku 4.5", "haiku", "2025-10-01"),
        Model("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "sonnet", "2025-09-29", lifecycle="deprecated"),
        Model("claude-sonnet-4-5", "Claude Sonnet 4.5", "sonnet", "2025-09-29", lifecycle="deprecated"),
        # The enterprise guide's own model: deprecated, and still to be answered.
        Model("claude-sonnet-4-20250514", "Claude Sonnet 4", "sonnet", "2025-05-14", lifecycle="deprecated"),
        Model("claude-opus-4-20250514", "Claude Opus 4", "opus", "2025-05-14", 32_000, lifecycle="deprecated"),
    )
}
"""Model id -> model, newest first."""

_CLAUDE = re.compile(r"claude(-[a-z]+)*-[0-9][a-z0-9-]*")


def find_model(name: str) -> Model | None:
    """Return the model of this name, with usual limits if it is not listed; None if no Claude model is called so."""
    if name in MODELS or not _CLAUDE.fullmatch(name):
        return MODELS.get(name)
    return Model(name, name, "other", "2026-01-01")
