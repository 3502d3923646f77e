"""Variables: files first, then the environment."""

from __future__ import annotations

import threading
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


def publish(volume: Path, version: int, files: dict[str, str]) -> None:
    """Change a volume as the kubelet does: a fresh directory, a link swapped, then links by name, then the clean-up."""
    fresh = volume / f"..{version}"
    fresh.mkdir(parents=True)
    for name, content in files.items():
        (fresh / name).write_text(content)
    (volume / "..data_tmp").symlink_to(fresh.name)
    (volume / "..data_tmp").rename(volume / "..data")
    for name in files:
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"..data/{name}")
    for link in volume.iterdir():
        if link.is_symlink() and not link.name.startswith("..") and link.name not in files:
            link.unlink()
    old = volume / f"..{version - 1}"
    for file in old.iterdir() if old.is_dir() else ():
        file.unlink()


def test_values_of_a_volume_are_of_one_version_however_fast_it_changes(tmp_path: Path) -> None:
    publish(tmp_path, 1, {"GATEWAY_TOKEN": "1", "GATEWAY_TOKEN_PREVIOUS": "1"})
    stop = threading.Event()

    def change() -> None:
        for version in range(2, 1000):
            publish(tmp_path, version, {"GATEWAY_TOKEN": f"{version}", "GATEWAY_TOKEN_PREVIOUS": f"{version}"})
        stop.set()

    changing = threading.Thread(target=change)
    changing.start()
    values: dict[str, str] = {}
    while not stop.is_set():
        values = read_secrets(tmp_path, values)
        assert len(set(values.values())) <= 1, values
    changing.join()
    assert read_secrets(tmp_path, values) == {"GATEWAY_TOKEN": "999", "GATEWAY_TOKEN_PREVIOUS": "999"}


def test_a_value_is_read_before_its_own_link_is_there(tmp_path: Path) -> None:
    publish(tmp_path, 1, {"GATEWAY_TOKEN": "1"})
    (tmp_path / "..1" / "GATEWAY_TOKEN_PREVIOUS").write_text("0")

    assert read_secrets(tmp_path, {}) == {"GATEWAY_TOKEN": "1", "GATEWAY_TOKEN_PREVIOUS": "0"}


def test_a_volume_that_changes_all_the_time_leaves_the_last_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = iter(range(100))
    monkeypatch.setattr("tenantry_gateway.variables._version", lambda _directory: f"..{next(versions)}")

    assert read_secrets(tmp_path, {"GATEWAY_TOKEN_PREVIOUS": "x"}) == {"GATEWAY_TOKEN_PREVIOUS": "x"}


def test_the_version_of_the_tokens_ends_with_its_file(tmp_path: Path) -> None:
    assert read_secrets(tmp_path, {"GATEWAY_TOKEN": "x", "GATEWAY_TOKEN_VERSION": "v"}) == {"GATEWAY_TOKEN": "x"}
