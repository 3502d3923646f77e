"""Conversations in files: what a store promises, over the end of the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantry_config.template import encode_value
from tenantry_gateway.errors import StorageDamaged, StorageFailed
from tenantry_gateway.sessions import files as files_module
from tenantry_gateway.sessions.files import FileStore
from tenantry_gateway.sessions.paths import session_path
from tenantry_gateway.sessions.store import EpochFenced, SequenceConflict, Store
from tenantry_gateway.sessions.transcript import SessionId, Transcript, Turn
from tenantry_gateway.storage.writer import Writer
from tests.unit.tenantry_gateway.harness import Nowhere
from tests.unit.tenantry_gateway.storage.faulty_disk import NO_SPACE, FaultyDisk

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def session(key: str = "agent:main:slack:c1") -> SessionId:
    return SessionId("main", None, "claimed", key)


def turn(text: str = "hi", reply: str = "ok") -> Turn:
    return Turn("user", text, reply, "chat_1")


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
async def writer(disk: FaultyDisk) -> AsyncIterator[Writer]:
    writer = Writer(Nowhere(), disk)
    yield writer
    await writer.close()


def store_of(writer: Writer, folder: Path) -> FileStore:
    return FileStore(folder, writer, lambda: NOW)


async def test_turns_outlive_the_process(writer: Writer, tmp_path: Path) -> None:
    store: Store = store_of(writer, tmp_path)
    for number in range(3):
        assert await store.commit(session(), turn(str(number)), expected=number, epoch=1) == number + 1

    again = await store_of(writer, tmp_path).load(session())

    assert again == Transcript(3, (turn("0"), turn("1"), turn("2")))


@pytest.mark.parametrize("text", ["line\nbreak", "\u2028", '"quoted"', "😀", "a\x00b", "\\"])
async def test_any_text_comes_back_as_it_was(writer: Writer, tmp_path: Path, text: str) -> None:
    await store_of(writer, tmp_path).commit(session(), turn(text, text), expected=0, epoch=1)

    assert (await store_of(writer, tmp_path).load(session())).turns == (turn(text, text),)


@pytest.mark.parametrize("expected", [0, 2])
async def test_a_turn_at_another_number_is_refused(writer: Writer, tmp_path: Path, expected: int) -> None:
    store = store_of(writer, tmp_path)
    await store.commit(session(), turn(), expected=0, epoch=1)

    with pytest.raises(SequenceConflict):
        await store.commit(session(), turn(), expected=expected, epoch=1)
    with pytest.raises(EpochFenced):
        await store.commit(session(), turn(), expected=1, epoch=2)

    assert (await store_of(writer, tmp_path).load(session())).sequence == 1


@pytest.mark.parametrize("torn", [b'{"n":2,"ti', b"\0" * 40, b"\0" * 40 + b"\n", b"{}x\n"])
async def test_what_a_crash_left_of_a_turn_is_no_turn_and_gives_way(
    writer: Writer, disk: FaultyDisk, tmp_path: Path, torn: bytes
) -> None:
    await store_of(writer, tmp_path).commit(session(), turn("first"), expected=0, epoch=1)
    await writer.close()
    path = tmp_path / "sessions" / session_path(session())
    path.write_bytes(path.read_bytes() + torn)
    fresh = Writer(Nowhere(), disk)

    store = store_of(fresh, tmp_path)
    assert (await store.load(session())).turns == (turn("first"),)
    await store.commit(session(), turn("second"), expected=1, epoch=1)

    assert (await store_of(fresh, tmp_path).load(session())).turns == (turn("first"), turn("second"))
    await fresh.close()


async def test_a_file_that_was_damaged_or_moved_is_an_error_that_says_so(writer: Writer, tmp_path: Path) -> None:
    store = store_of(writer, tmp_path)
    for number in range(3):
        await store.commit(session(), turn(str(number)), expected=number, epoch=1)
    path = tmp_path / "sessions" / session_path(session())
    lines = path.read_bytes().splitlines(keepends=True)

    for content in (lines[0] + b"x\n" + lines[2], lines[1] + lines[2], lines[0] + lines[2]):
        path.write_bytes(content)
        with pytest.raises(StorageDamaged):
            await store_of(writer, tmp_path).load(session())

    other = tmp_path / "sessions" / session_path(session("agent:main:slack:c2"))
    path.write_bytes(b"".join(lines))
    path.rename(other)
    with pytest.raises(StorageDamaged):
        await store_of(writer, tmp_path).load(session("agent:main:slack:c2"))


async def test_a_turn_that_could_not_be_written_is_not_remembered(
    writer: Writer, disk: FaultyDisk, tmp_path: Path
) -> None:
    store = store_of(writer, tmp_path)
    await store.commit(session(), turn("first"), expected=0, epoch=1)
    disk.fails["sync"] = [NO_SPACE]

    with pytest.raises(StorageFailed):
        await store.commit(session(), turn("second"), expected=1, epoch=1)

    assert await store.commit(session(), turn("third"), expected=1, epoch=1) == 2
    assert [kept.message for kept in (await store_of(writer, tmp_path).load(session())).turns] == ["first", "third"]


SENDERS = st.text(max_size=300) | st.sampled_from(
    ["..", "../..", "/etc/passwd", "a/b", "A", "a", "\0", ".", "~", "x" * 5000]
)


@given(st.lists(st.tuples(SENDERS, SENDERS), min_size=2, max_size=2, unique=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_sender_leaves_the_directory_or_meets_another(pairs: list[tuple[str, str]]) -> None:
    def sane(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    paths = []
    for place, sender in pairs:
        key = f"{encode_value(sane(place))}:{encode_value(sane(sender))}"
        path = session_path(SessionId("main", sane(place), "claimed", key, (encode_value(sane(sender)),)))
        assert ".." not in path.parts
        assert not path.is_absolute()
        assert all(len(part.encode()) <= 255 for part in path.parts)
        paths.append(str(path).lower())

    if sane(pairs[0][0]) != sane(pairs[1][0]) or sane(pairs[0][1]) != sane(pairs[1][1]):
        assert paths[0] != paths[1]


async def test_of_a_long_file_only_the_end_is_read(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "END_BYTES", 100_000)
    store = store_of(writer, tmp_path)
    for number in range(400):
        await store.commit(session(), turn(f"{number} " + "x" * 1000), expected=number, epoch=1)
    whole = await store.load(session())

    def broken(*_: object) -> None:
        raise AssertionError("the whole file was read")

    again = store_of(writer, tmp_path)
    monkeypatch.setattr(again, "_read_file", broken)
    with pytest.raises(AssertionError):
        await again.load(session())
    monkeypatch.setattr(files_module, "END_BYTES", 200_000)

    assert await again.load(session()) == whole
    assert whole.sequence == 400
