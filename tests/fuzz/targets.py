"""The fuzz targets by name, and what is kept for each: seeds, and inputs that once failed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

FOLDER: Final = Path(__file__).resolve().parent
CORPUS: Final = FOLDER / "corpus"
TARGETS: Final = (
    "audit_log",
    "config_set",
    "configuration",
    "forwarded_for",
    "relay_request",
    "request_body",
    "session_file",
    "session_template",
    "usage_meter",
    "websocket_frames",
)


class Target(Protocol):
    """A module of this folder: what it does with an input, and pieces that inputs are often made of."""

    fuzz: Callable[[bytes], None]
    TOKENS: Sequence[bytes]


def load(name: str) -> Target:
    """The target's module."""
    return cast("Target", importlib.import_module(f"tests.fuzz.{name}"))


def kept(name: str) -> list[Path]:
    """The files that are kept for a target."""
    return sorted((CORPUS / name).iterdir())


def pieces(data: bytes, count: int) -> list[bytes]:
    """`data` at its first NULs, for a target of several arguments; what is missing is empty."""
    found = data.split(b"\0", count - 1)
    return [*found, *[b""] * (count - len(found))]
