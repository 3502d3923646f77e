"""Files of lines: what was confirmed stays, what was not never counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantry_gateway.storage.disk import Disk
from tenantry_gateway.storage.log_file import LogFile, read_lines
from tests.unit.tenantry_gateway.storage.faulty_disk import BROKEN, NO_SPACE, FaultyDisk


def test_lines_stay_in_order(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "new" / "x.jsonl", Disk())
    file.append(b"1\n2\n")
    file.append(b"3\n")
    file.close()
    file.append(b"4\n")

    assert list(read_lines(tmp_path / "new" / "x.jsonl")) == [b"1", b"2", b"3", b"4"]


@given(tail=st.binary(max_size=50).filter(lambda data: b"\n" not in data))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_line_that_was_cut_off_gives_way_to_the_next(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"1\n" + tail)

    assert list(read_lines(path)) == [b"1"]
    LogFile(path, Disk()).append(b"2\n")

    assert path.read_bytes() == b"1\n2\n"


@pytest.mark.parametrize("call", ["write", "sync"])
@pytest.mark.parametrize("half", [True, False])
def test_what_could_not_be_written_is_not_in_the_file(tmp_path: Path, call: str, half: bool) -> None:
    disk = FaultyDisk(fails={call: [0, NO_SPACE]}, half=half)
    file = LogFile(tmp_path / "x.jsonl", disk)
    file.append(b"1\n")

    with pytest.raises(OSError, match="No space"):
        file.append(b"2222\n")

    assert (tmp_path / "x.jsonl").read_bytes() == b"1\n"
    file.append(b"3\n")
    assert list(read_lines(tmp_path / "x.jsonl")) == [b"1", b"3"]


def test_what_a_failed_sync_left_is_taken_back_before_anything_else_is_written(tmp_path: Path) -> None:
    disk = FaultyDisk(fails={"sync": [0, BROKEN, BROKEN], "truncate": [BROKEN]})
    file = LogFile(tmp_path / "x.jsonl", disk)
    file.append(b"1\n")
    with pytest.raises(OSError, match="Input/output"):
        file.append(b"2\n")

    with pytest.raises(OSError, match="Input/output"):
        file.append(b"3\n")
    file.append(b"4\n")

    assert list(read_lines(tmp_path / "x.jsonl")) == [b"1", b"4"]
