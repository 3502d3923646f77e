"""What is kept in memory of conversations: bounds, and who goes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenantry_gateway.sessions.cache import TranscriptCache
from tenantry_gateway.sessions.transcript import SessionId, Transcript, Turn


def session(key: str) -> SessionId:
    return SessionId("main", None, "claimed", key)


def one_turn(size: int = 2) -> Transcript:
    return Transcript(1, (Turn(role="user", message="x" * size, reply="ok"),))


def test_the_longest_unused_session_goes_first() -> None:
    cache = TranscriptCache(max_sessions=2)
    cache.put(session("a"), one_turn())
    cache.put(session("b"), one_turn())
    cache.get(session("a"))
    cache.put(session("c"), one_turn())

    assert len(cache) == 2
    assert cache.get(session("b")) is None
    assert cache.get(session("a")) == one_turn()


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3000)), max_size=60))
def test_the_bounds_hold_whatever_is_said(messages: list[tuple[str, int]]) -> None:
    cache = TranscriptCache(max_sessions=3, max_bytes=8000)
    for key, size in messages:
        cache.put(session(key), one_turn(size))

        kept = [cache.get(session(name)) for name in "abcde"]
        assert len(cache) <= 3
        assert sum(turn.size for one in kept if one for turn in one.turns) <= 8000 or len(cache) == 1
        assert cache.get(session(key)) == one_turn(size)
