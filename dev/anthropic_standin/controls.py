"""What a test asks of the stand-in, in the text of the last user turn.

======================================  =============================================================================
``!error STATUS [retry-after=S] [times=N]``  answer with that error; with ``times`` only to the first N such requests
``!error-mid-stream``                   begin to stream, then send ``event: error`` (not streaming: 529)
``!disconnect``                         begin to answer, then drop the connection
``!delay SECONDS``                      wait before the first byte
``!chunk-delay SECONDS``                wait before each piece of a stream
``!tool NAME {json}``                   call that tool; more than one call the tools in parallel
``!tool-loop NAME {json}``              call that tool, and again after every result
``!max-tokens``                         stop half-way, as if max_tokens were used up
======================================  =============================================================================

A control that cannot be understood is a 400 that says so, so that a misspelt test does not pass.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from dev.anthropic_standin.errors import ERROR_TYPES, invalid

MAX_SECONDS = 600.0
_NAMES = "error-mid-stream|error|disconnect|delay|chunk-delay|tool-loop|tool|max-tokens"
_CONTROL = re.compile(rf"(?:^|(?<=\s))!({_NAMES})(?![\w-])")
_OPTION = re.compile(r"\s+(retry-after|times)=(\S+)")
_WORD = re.compile(r"\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Failure:
    """An error to answer with: `retry_after` in seconds as text, `times` None for always."""

    status: int
    retry_after: str | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to call."""

    name: str
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Controls:
    """Everything that one text asks for; durations in seconds."""

    failure: Failure | None = None
    fails_mid_stream: bool = False
    disconnects: bool = False
    delay: float = 0.0
    chunk_delay: float = 0.0
    calls: tuple[Call, ...] = ()
    loop: Call | None = None
    cut_short: bool = False


def parse_controls(text: str) -> Controls:
    """Read the controls in a text; raises the API's 400 for one that cannot be understood."""
    found: dict[str, Any] = {}
    calls: list[Call] = []
    for match in _CONTROL.finditer(text):
        name, rest = match[1], text[match.end() :]
        if name == "error":
            found["failure"] = _failure(rest)
        elif name in {"delay", "chunk-delay"}:
            found[name.replace("-", "_")] = _seconds(name, rest)
        elif name == "tool":
            calls.append(_call(name, rest))
        elif name == "tool-loop":
            found["loop"] = _call(name, rest)
        else:
            found[_FLAGS[name]] = True
    return Controls(calls=tuple(calls), **found)


_FLAGS = {"error-mid-stream": "fails_mid_stream", "disconnect": "disconnects", "max-tokens": "cut_short"}


def _word(name: str, rest: str) -> tuple[str, str]:
    match = _WORD.match(rest)
    if match is None:
        raise invalid(f"stand-in: !{name} needs an argument")
    return match[1], rest[match.end() :]


def _failure(rest: str) -> Failure:
    word, rest = _word("error", rest)
    if not word.isdigit() or int(word) not in ERROR_TYPES:
        raise invalid(f"stand-in: !error {word} is none of {', '.join(map(str, ERROR_TYPES))}")
    status = int(word)
    options: dict[str, str] = {}
    while match := _OPTION.match(rest):
        options[match[1]] = match[2]
        rest = rest[match.end() :]
    times = options.get("times")
    if times is not None and not times.isdigit():
        raise invalid(f"stand-in: !error times={times} is not a number")
    # The real API tells a rate-limited client how long to wait.
    retry_after = options.get("retry-after", "1" if status == 429 else None)
    return Failure(status, retry_after, None if times is None else int(times))


def _seconds(name: str, rest: str) -> float:
    word, _ = _word(name, rest)
    try:
        seconds = float(word)
    except ValueError as error:
        raise invalid(f"stand-in: !{name} {word} is not a number of seconds") from error
    if not 0 <= seconds <= MAX_SECONDS:
        raise invalid(f"stand-in: !{name} {word} is not within 0 and {MAX_SECONDS:g} seconds")
    return seconds


def _call(name: str, rest: str) -> Call:
    tool, rest = _word(name, rest)
    rest = rest.lstrip()
    if not rest.startswith("{"):
        return Call(tool)
    try:
        arguments, _ = json.JSONDecoder().raw_decode(rest)
    except ValueError as error:
        raise invalid(f"stand-in: the arguments of !{name} {tool} are not JSON: {error}") from error
    return Call(tool, arguments)
