"""What is handed to the writer is confirmed when it is on disk, and only then."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tenantry_gateway.errors import StorageFailed
from tenantry_gateway.storage.log_file import read_lines
from tenantry_gateway.storage.writer import Writer
from tests.unit.tenantry_gateway.storage.faulty_disk import NO_SPACE, FaultyDisk


@dataclass
class Told:
    """A log in memory; `broken` lets it fail."""

    events: list[object] = field(default_factory=list)
    broken: bool = False

    def append(self, events: Sequence[object]) -> None:
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.events += events


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
async def writer(told: Told, disk: FaultyDisk) -> AsyncIterator[Writer]:
    writer = Writer(told, disk)
    yield writer
    await writer.close()


async def test_what_comes_together_is_synced_together(
    writer: Writer, told: Told, disk: FaultyDisk, tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    await asyncio.gather(*(writer.write([number], path, b"%d\n" % number) for number in range(200)))

    assert list(read_lines(path)) == [b"%d" % number for number in range(200)]
    assert told.events == list(range(200))
    assert disk.calls["sync"] < 100


async def test_nothing_is_kept_that_the_log_does_not_know_of(writer: Writer, told: Told, tmp_path: Path) -> None:
    told.broken = True
    with pytest.raises(StorageFailed, match="Input/output error"):
        await writer.write(["event"], tmp_path / "x.jsonl", b"line\n")

    assert not (tmp_path / "x.jsonl").exists()
    assert writer.problem == "Input/output error"
    told.broken = False
    await writer.write(["event"], tmp_path / "x.jsonl", b"line\n")
    assert writer.problem is not None, "a small write proves nothing about the disk"
    await writer.try_again(["again"], tmp_path / "scratch")
    assert not writer.problem
    assert not (tmp_path / "scratch").exists()


async def test_a_file_that_cannot_be_written_fails_alone(writer: Writer, disk: FaultyDisk, tmp_path: Path) -> None:
    disk.fails["write"] = [NO_SPACE]

    first, second = await asyncio.gather(
        writer.write([], tmp_path / "a", b"1\n"), writer.write([], tmp_path / "b", b"2\n"), return_exceptions=True
    )

    assert isinstance(first, StorageFailed)
    assert second is None
    assert list(read_lines(tmp_path / "a")) == []
    assert list(read_lines(tmp_path / "b")) == [b"2"]


async def test_who_leaves_does_not_take_back_what_was_handed_in(writer: Writer, tmp_path: Path) -> None:
    task = asyncio.create_task(writer.write([], tmp_path / "a", b"1\n"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await writer.write([], tmp_path / "a", b"2\n")

    assert list(read_lines(tmp_path / "a")) == [b"1", b"2"]


async def test_at_the_end_everything_that_was_handed_in_is_written(told: Told, disk: FaultyDisk) -> None:
    writer = Writer(told, disk)
    writer.note("a", "b")
    await writer.close()

    assert told.events == ["a", "b"]


class Faulty:
    """A log with a fault of its own."""

    def append(self, events: Sequence[object]) -> None:
        if "broken" in events:
            raise TypeError


async def test_a_fault_of_the_program_fails_its_batch_and_no_later_one(tmp_path: Path) -> None:
    writer = Writer(Faulty(), FaultyDisk())
    with pytest.raises(StorageFailed):
        await writer.write(["broken"], tmp_path / "a", b"1\n")
    await writer.write(["whole"], tmp_path / "a", b"2\n")
    await writer.close()

    assert list(read_lines(tmp_path / "a")) == [b"2"]
    assert writer.problem is not None, "only a look at the disk says that it can be written again"
