"""Variables: files first, then the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantry_config.load import Resolved
from tenantry_gateway.variables import Variables, read_secrets


def test_a_file_beats_the_environment_and_is_a_secret() -> None:
    variables = Variables({"A": "file"}, {"A": "env", "B": "env", "EMPTY": ""})

    assert variables.resolve("A") == Resolved("file", secret=True)
    assert variables.resolve("B") == Resolved("env")
    assert variables.resolve("EMPTY") is None
    assert variables.resolve("C") is None


def test_values_are_in_no_representation() -> None:
    assert "s3cret" not in repr(Variables({"A": "s3cret"}, {"B": "s3cret"}))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_files_without_a_usable_value_count_as_absent(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "NAME").write_bytes(content)

    assert read_secrets(tmp_path, {}) == {}


def test_only_files_that_are_named_like_variables_are_read(tmp_path: Path) -> None:
    for name in ("GOOD_1", "lower", "..2026_data", "users.yaml", "1X"):
        (tmp_path / name).write_text("value")
    (tmp_path / "DIRECTORY").mkdir()

    assert read_secrets(tmp_path, {}) == {"GOOD_1": "value"}


def test_a_directory_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_secrets(tmp_path / "missing", {"KEPT": "x", "GATEWAY_TOKEN_PREVIOUS": "y"}) == {"KEPT": "x"}
