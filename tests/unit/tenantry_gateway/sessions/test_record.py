"""A session's lines hold whatever a turn may have."""

from __future__ import annotations

from tenantry_gateway.sessions.record import Committed, read_session, turn_line
from tenantry_gateway.sessions.transcript import SessionId, Turn


def test_numbers_of_tokens_that_no_64_bits_hold_are_kept() -> None:
    session = SessionId("main", None, "claimed", "api:alice")
    turn = Turn("user", "Hello", "Hi", input_tokens=2 * (2**64 - 1))  # A sum of what the API told.

    line = turn_line(session, Committed(1, "2026-01-01T00:00:00Z", turn))

    assert read_session(session, [line.rstrip(b"\n")]).turns[0].turn == turn
