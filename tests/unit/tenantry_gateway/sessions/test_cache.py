"""What is kept in memory of conversations: bounds, and who goes first."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest
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


def read_turn(text: str, number: int) -> Turn:
    """As it comes from a file or a model: with texts of its own."""
    read = orjson.loads(
        orjson.dumps({"text": text, "reply": text + "!", "id": f"chat_{number:032x}", "stop": "end_turn"})
    )
    return Turn(
        role="user",
        message=read["text"],
        reply=read["reply"],
        id=read["id"],
        actor="shared",
        stop_reason=read["stop"],
        input_tokens=1000 + number,
        output_tokens=2000 + number,
    )


@pytest.mark.parametrize(
    "text",
    ["ok", "yes, on Thursday " * 20, "am Donnerstag, natürlich " * 20, "木曜日に" * 60, "🙂" + "on Thursday" * 30],
)
@pytest.mark.parametrize("turns", [1, 40])
def test_the_bound_is_of_the_memory_that_is_taken(text: str, turns: int) -> None:
    bound = 4 * 1024 * 1024
    cache = TranscriptCache(max_bytes=bound)
    tracemalloc.start()
    try:
        number = 0
        while len(cache) == number // turns:
            said = tuple(read_turn(text, number + turn) for turn in range(turns))
            cache.put(session(f"agent:main:api:{number}"), Transcript(turns, said))
            number += turns
            del said
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.75 * bound < taken < 1.25 * bound
