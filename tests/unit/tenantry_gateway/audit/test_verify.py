"""A log in which anything was changed, left out, moved or cut off is found out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantry_gateway.audit.event import AuditEvent
from tenantry_gateway.audit.files import CURRENT, HEAD, audit_files, verify
from tenantry_gateway.audit.log import AuditLog
from tenantry_gateway.storage.disk import Disk

KEY = b"k" * 32
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def written(folder: Path, count: int = 6, *, key: bytes = KEY, max_bytes: int = 1 << 20) -> AuditLog:
    log = AuditLog(folder, key, Disk(), lambda: NOW, max_bytes=max_bytes)
    log.open()
    for number in range(count):
        log.append([AuditEvent("agent.message", "success", actor="alice", target=f"main-{number}")])
    log.close()
    return log


def test_a_log_as_it_was_written_is_whole(tmp_path: Path) -> None:
    log = written(tmp_path)

    verdict = verify(tmp_path, KEY, str(log.head))

    assert (verdict.fault, verdict.lines, verdict.head) == (None, 7, log.head)


def test_a_process_that_starts_again_goes_on_in_an_epoch_of_its_own(tmp_path: Path) -> None:
    first = written(tmp_path).head
    second = written(tmp_path).head

    assert (first.epoch, second.epoch) == (1, 2)
    assert verify(tmp_path, KEY).fault is None


def test_rotation_carries_the_chain_on_and_old_files_may_go(tmp_path: Path) -> None:
    log = written(tmp_path, 30, max_bytes=1000)

    files = audit_files(tmp_path)
    assert len(files) > 3
    assert verify(tmp_path, KEY, str(log.head)).fault is None
    files[0].unlink()
    assert verify(tmp_path, KEY, str(log.head)).fault is None
    files[2].unlink()
    assert "missing" in (verify(tmp_path, KEY).fault or "")


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_a_changed_byte_is_found(tmp_path: Path, data: st.DataObject) -> None:
    for path in (*audit_files(tmp_path), tmp_path / HEAD):
        path.unlink(missing_ok=True)
    written(tmp_path)
    path = tmp_path / CURRENT
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)

    assert verify(tmp_path, KEY).fault is not None


@pytest.mark.parametrize("keep", range(6))
def test_an_end_that_was_cut_off_is_found(tmp_path: Path, keep: int) -> None:
    log = written(tmp_path)
    path = tmp_path / CURRENT
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:keep]))

    assert "cut off" in (verify(tmp_path, KEY).fault or "")
    (tmp_path / HEAD).unlink()
    assert "cut off" in (verify(tmp_path, KEY, str(log.head)).fault or "")


@pytest.mark.parametrize("order", [(1, 0, 2, 3, 4, 5), (0, 1, 2, 4, 3, 5), (0, 2, 3, 4, 5), (0, 0, 1, 2, 3, 4, 5)])
def test_lines_that_were_moved_taken_out_or_repeated_are_found(tmp_path: Path, order: tuple[int, ...]) -> None:
    written(tmp_path)
    path = tmp_path / CURRENT
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[place] for place in order))

    assert verify(tmp_path, KEY).fault is not None


def test_a_log_written_with_another_key_is_found(tmp_path: Path) -> None:
    written(tmp_path, key=b"x" * 32)

    assert "key" in (verify(tmp_path, KEY).fault or "")
