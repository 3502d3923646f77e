"""A session's file: what is read is whole, can be written again and used, and is never another session's.

Input: the file.
"""

from __future__ import annotations

import json
from typing import Final

from tenantry_gateway.sessions.record import Damaged, SessionFile, read_session, step_line, turn_line
from tenantry_gateway.sessions.steps import begun_of, exchange
from tenantry_gateway.sessions.transcript import SessionId

TOKENS: Final = (
    *(b'"session":{"agent":"main","namespace":null,"provenance":"claimed","key":"agent:main:api:x"}', b'"step":{'),
    *(
        b'"n":1',
        b'"n":2',
        b'"role":"user"',
        b'"message":""',
        b'"reply":""',
        b'"stopReason":""',
        b'"id":""',
        b'"time":""',
    ),
    *(
        b'"usage":{"input_tokens":1,"output_tokens":1}',
        b'"calls":[',
        b'"type":"tool_use"',
        b'"result":""',
        b'"turn":""',
    ),
    *(b'"content":""', b'"isError":false', b"1e999", b"NaN", b"\\ud800", b"null", b"\n", b"[" * 1000, b"9" * 4301),
)
_SESSION: Final = SessionId("main", None, "claimed", "agent:main:api:x")
_OTHERS: Final = (
    SessionId("other", None, "claimed", "agent:main:api:x"),
    SessionId("main", "team-b", "claimed", "agent:main:api:x"),
    SessionId("main", None, "verified", "agent:main:api:x"),
    SessionId("main", None, "claimed", "agent:main:api:y"),
)
_MAX_LINES: Final = 12


def fuzz(data: bytes) -> None:
    """One file."""
    lines = data.split(b"\n", _MAX_LINES)
    found = _read(_SESSION, lines)
    if found is None:
        return
    for end in range(len(lines)):
        before = read_session(_SESSION, lines[:end])
        assert before.turns == found.turns[: len(before.turns)]
        assert repr(before.steps) == repr(found.steps[: len(before.steps)])
    if found.turns or found.steps:
        assert all(_read(other, lines) is None for other in _OTHERS)
    assert repr(read_session(_SESSION, _written(found))) == repr(found)
    for begun, ended in begun_of(step for _, step in found.steps):
        for message in exchange(begun, ended):
            json.dumps(message.blocks, ensure_ascii=False).encode()
        assert type(begun.input_tokens) is type(begun.output_tokens) is int


def _read(session: SessionId, lines: list[bytes]) -> SessionFile | None:
    """What the lines hold; None where they are none of the session's."""
    try:
        return read_session(session, lines)
    except Damaged as error:
        assert str(error)
        return None


def _written(found: SessionFile) -> list[bytes]:
    steps = [step_line(_SESSION, turn, "alice", step) for turn, step in found.steps]
    return [line.removesuffix(b"\n") for line in (*steps, *(turn_line(_SESSION, turn) for turn in found.turns))]


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
