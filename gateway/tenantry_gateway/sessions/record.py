"""A session's file: turns as lines and, between them, the tool calls of turns while they went on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from tenantry_config.document import Role
from tenantry_gateway.sessions.steps import Step, count, read_step, step_fields, whole_text
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


@dataclass(slots=True)
class SessionFile:
    """What a file holds. `steps` are those of all turns, each with its turn's id."""

    turns: list[Committed] = field(default_factory=list)
    steps: list[tuple[str, Step]] = field(default_factory=list)


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
        "stopReason": turn.stop_reason,
        "usage": {"input_tokens": turn.input_tokens, "output_tokens": turn.output_tokens},
    }
    if committed.number == 1:
        fields["session"] = _identity(session)
    return _line(fields)


def step_line(session: SessionId, turn_id: str, actor: str, step: Step) -> bytes:
    """A step's line; it names session and principal, as it may be the file's first."""
    return _line({"turn": turn_id, "actor": actor, "step": step_fields(step), "session": _identity(session)})


def read_session(session: SessionId, lines: Iterable[bytes]) -> SessionFile:
    """What a file's whole lines hold; raises Damaged.

    A last line that cannot be read is what a loss of power may leave of a turn that was not confirmed: it is no turn.
    """
    found = SessionFile()
    torn = False
    for place, line in enumerate(lines, start=1):
        if torn:
            raise Damaged(f"line {place - 1} cannot be read")
        fields = _parse(line)
        if fields is None:
            torn = True
            continue
        if fields.get("session", _identity(session) if place > 1 else None) != _identity(session):
            raise Damaged(f"line {place} does not name this session: was the file moved or copied?")
        _take(found, place, fields)
    return found


def read_end(session: SessionId, first: bytes, lines: Iterable[bytes]) -> SessionFile:
    """What a file's last lines hold, of which `first` is the file's first one; raises Damaged."""
    fields = _parse(first)
    if fields is None or fields.get("session") != _identity(session):
        raise Damaged("line 1 does not name this session: was the file moved or copied?")
    found = SessionFile()
    for line in lines:
        fields = _parse(line)
        if fields is not None and "step" not in fields:
            number = found.turns[-1].number + 1 if found.turns else fields.get("n")
            found.turns.append(_turn_at(number, fields))
    return found


def _turn_at(number: Any, fields: Mapping[str, Any]) -> Committed:
    try:
        return _committed(number, fields)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Damaged(f"what should be turn {number} is none") from error


def _take(found: SessionFile, place: int, fields: dict[str, Any]) -> None:
    try:
        if "step" in fields:
            found.steps.append((whole_text(fields["turn"]), read_step(fields["step"])))
        else:
            found.turns.append(_committed(len(found.turns) + 1, fields))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Damaged(f"line {place} is neither turn {len(found.turns) + 1} nor a step of it") from error


def _committed(number: int, fields: Mapping[str, Any]) -> Committed:
    role = fields["role"]
    if fields["n"] != number or role not in _ROLES:
        raise ValueError
    usage = fields["usage"]
    turn = Turn(
        role,
        whole_text(fields["message"]),
        whole_text(fields["reply"]),
        id=whole_text(fields["id"]),
        actor=whole_text(fields["actor"]),
        stop_reason=whole_text(fields["stopReason"]),
        input_tokens=count(usage["input_tokens"]),
        output_tokens=count(usage["output_tokens"]),
    )
    return Committed(number, whole_text(fields["time"]), turn)


def _line(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


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
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
