"""A turn as a line of its session's file, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args

from tenantry_config.document import Role
from tenantry_gateway.sessions.transcript import SessionId, Turn

_ROLES: Final[tuple[Role, ...]] = get_args(Role)


class Damaged(ValueError):
    """Lines that are none of a session's; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A turn at its place: its number from 1, and when it was committed (RFC 3339)."""

    number: int
    time: str
    turn: Turn


def turn_line(session: SessionId, committed: Committed) -> bytes:
    """A turn's line. The first one says whose session it is, so that a file that was moved or copied is found out."""
    turn = committed.turn
    fields: dict[str, object] = {
        "n": committed.number,
        "time": committed.time,
        "id": turn.id,
        "actor": turn.actor,
        "role": turn.role,
        "message": turn.message,
        "reply": turn.reply,
    }
    if committed.number == 1:
        fields["session"] = _identity(session)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_turns(session: SessionId, lines: Iterable[bytes]) -> Iterator[Committed]:
    """The turns of a file's whole lines; raises Damaged.

    A last line that cannot be read is what a loss of power may leave of a turn that was not confirmed: it is no turn.
    """
    number = 0
    torn = False
    for line in lines:
        if torn:
            raise Damaged(f"line {number + 1} cannot be read")
        number += 1
        fields = _parse(line)
        if fields is None:
            torn = True
            number -= 1
            continue
        yield _committed(session, number, fields)


def _committed(session: SessionId, number: int, fields: dict[str, Any]) -> Committed:
    if number == 1 and fields.get("session") != _identity(session):
        raise Damaged("line 1 does not name this session: was the file moved or copied?")
    role, message, reply = fields.get("role"), fields.get("message"), fields.get("reply")
    if fields.get("n") != number or role not in _ROLES or not isinstance(message, str) or not isinstance(reply, str):
        raise Damaged(f"line {number} is not turn {number}")
    return Committed(
        number, str(fields.get("time", "")), Turn(role, message, reply, _text(fields, "id"), _text(fields, "actor"))
    )


def _text(fields: dict[str, Any], name: str) -> str:
    return str(fields.get(name, ""))


def _identity(session: SessionId) -> dict[str, object]:
    return {
        "agent": session.agent_id,
        "namespace": session.namespace,
        "provenance": session.provenance,
        "key": session.key,
    }


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
