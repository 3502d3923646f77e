"""The enterprise guide, word for word: its fenced blocks and tables, for the tests that run them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

GUIDE: Final = Path(__file__).parent / "data" / "enterprise-deployment-guide.md"


def _blocks() -> Iterator[tuple[str, str]]:
    """Each fenced block with its name: the heading above it, and its language (`drawing` where it has none)."""
    heading, name, lines = "", "", list[str]()
    counts: dict[str, int] = {}
    for line in GUIDE.read_text().splitlines(keepends=True):
        if line.startswith("```"):
            if name:
                yield name, "".join(lines)
                name = ""
                continue
            kind = f"{heading}: {line.strip('`').strip() or 'drawing'}"
            counts[kind] = counts.get(kind, 0) + 1
            name, lines = kind if counts[kind] == 1 else f"{kind} {counts[kind]}", []
        elif name:
            lines.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("#").strip()


BLOCKS: Final[Mapping[str, str]] = dict(_blocks())
"""Such as `Docker: yaml` and `Kubernetes: yaml 2`, in the guide's order."""


def claims(name: str) -> pytest.MarkDecorator:
    """Give a test the block `name` as `snippet`: it is the test that runs it."""
    return pytest.mark.parametrize("snippet", [BLOCKS[name]], ids=[name])


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without backquotes."""
    section = re.split(rf"^#+ {re.escape(heading)}$", GUIDE.read_text(), flags=re.MULTILINE)[1]
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line.strip("|\n").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in row] for row in rows[2:]]
