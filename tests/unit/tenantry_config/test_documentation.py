"""What the documentation and the examples show is valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tenantry_config.load import Resolved, load_config

ROOT = Path(__file__).parents[3]
BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "gateway.md").read_text(), re.DOTALL)


def resolve(name: str) -> Resolved:
    return Resolved(f"value-of-{name}")


@pytest.mark.parametrize("text", [*BLOCKS, (ROOT / "examples" / "gateway-config.yaml").read_text()])
def test_every_configuration_shown_loads(text: str) -> None:
    assert load_config(text, resolve).agents


def test_there_is_something_shown() -> None:
    assert BLOCKS
