"""Conversations in memory: sequence, epoch, bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_gateway.sessions.memory import MemoryStore
from tenantry_gateway.sessions.store import EpochFenced, SequenceConflict, Store
from tenantry_gateway.sessions.transcript import SessionId, Transcript, Turn


def session(key: str = "k") -> SessionId:
    return SessionId("main", None, "claimed", key)


def turn(text: str = "hi", reply: str = "ok") -> Turn:
    return Turn(role="user", message=text, reply=reply)


async def test_it_is_a_store() -> None:
    store: Store = MemoryStore()

    assert await store.load(session()) == Transcript()


async def test_turns_are_kept_in_order() -> None:
    store = MemoryStore()
    for number in range(3):
        assert await store.commit(session(), turn(str(number)), expected=number, epoch=store.epoch) == number + 1

    transcript = await store.load(session())
    assert transcript.sequence == 3
    assert [kept.message for kept in transcript.turns] == ["0", "1", "2"]


@pytest.mark.parametrize("expected", [0, 2, 7])
async def test_a_turn_at_another_number_is_refused_and_changes_nothing(expected: int) -> None:
    store = MemoryStore()
    await store.commit(session(), turn("first"), expected=0, epoch=1)

    with pytest.raises(SequenceConflict) as caught:
        await store.commit(session(), turn("second"), expected=expected, epoch=1)

    assert (caught.value.expected, caught.value.actual) == (expected, 1)
    assert await store.load(session()) == Transcript(1, (turn("first"),))


async def test_a_writer_of_an_earlier_epoch_is_fenced_off() -> None:
    store = MemoryStore()
    store.begin_epoch(2)

    with pytest.raises(EpochFenced) as caught:
        await store.commit(session(), turn(), expected=0, epoch=1)

    assert (caught.value.epoch, caught.value.current) == (1, 2)
    assert await store.load(session()) == Transcript()


async def test_sessions_are_apart_in_every_part_of_their_identity() -> None:
    store = MemoryStore()
    identities = [
        SessionId("main", None, "claimed", "k"),
        SessionId("devops", None, "claimed", "k"),
        SessionId("main", "team-b", "claimed", "k"),
        SessionId("main", None, "verified", "k"),
        SessionId("main", None, "claimed", "k2"),
    ]
    for number, identity in enumerate(identities):
        await store.commit(identity, turn(str(number)), expected=0, epoch=1)

    texts = [(await store.load(identity)).turns[0].message for identity in identities]
    assert texts == ["0", "1", "2", "3", "4"]


async def test_the_longest_unused_session_goes_first() -> None:
    store = MemoryStore(max_sessions=2)
    await store.commit(session("a"), turn(), expected=0, epoch=1)
    await store.commit(session("b"), turn(), expected=0, epoch=1)
    await store.load(session("a"))
    await store.commit(session("c"), turn(), expected=0, epoch=1)

    assert len(store) == 2
    assert (await store.load(session("b"))).sequence == 0
    assert (await store.load(session("a"))).sequence == 1


async def test_a_session_that_went_meanwhile_goes_on_at_its_number() -> None:
    store = MemoryStore(max_sessions=1)
    await store.commit(session("a"), turn("old"), expected=0, epoch=1)
    await store.commit(session("b"), turn(), expected=0, epoch=1)

    assert await store.commit(session("a"), turn("new"), expected=1, epoch=1) == 2
    assert await store.load(session("a")) == Transcript(2, (turn("new"),))


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3000)), max_size=60))
async def test_the_bounds_hold_whatever_is_said(messages: list[tuple[str, int]]) -> None:
    store = MemoryStore(max_sessions=3, max_bytes=8000)
    for key, size in messages:
        transcript = await store.load(session(key))
        await store.commit(session(key), turn("x" * size), expected=transcript.sequence, epoch=1)

        kept = [await store.load(session(name)) for name in "abcde"]
        assert len(store) <= 3
        assert sum(one.size for transcript in kept for one in transcript.turns) <= 8000 or len(store) == 1
