"""Which turns the model sees."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenantry_gateway.sessions.transcript import Turn
from tenantry_gateway.sessions.window import newest_turns

TURNS = st.lists(st.integers(0, 50).map(lambda size: Turn("user", "é" * size, "r")), max_size=12)


@given(TURNS, st.integers(0, 12), st.integers(0, 300))
def test_the_window_is_the_longest_end_of_whole_turns_within_its_bounds(
    turns: list[Turn], max_turns: int, max_bytes: int
) -> None:
    kept = newest_turns(turns, max_turns=max_turns, max_bytes=max_bytes)

    ends = [tuple(turns[start:]) for start in range(len(turns) + 1)]
    fitting = [end for end in ends if len(end) <= max_turns and sum(turn.size for turn in end) <= max_bytes]
    assert kept == max(fitting, key=len)


def test_a_turns_size_is_in_bytes() -> None:
    assert Turn("user", "é", "abc").size == 5
