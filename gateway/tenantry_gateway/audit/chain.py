"""The chain: each line's HMAC covers the line and the HMAC of the one before it.

A line is JSON that ends with its `mac`. Whoever lacks the key can neither change a line nor take one out of the middle
or change their order; that the end is cut off shows by the head, which is kept apart and told to the process's log.
Pure.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeGuard

import orjson

GENESIS: Final = "0" * 64
"""What stands for the line before the first."""
_MAC: Final = re.compile(rb',"mac":"([0-9a-f]{64})"\}')
_MAC_BYTES: Final = 74
_MAX_COUNT: Final = 10**20


class ChainBroken(ValueError):
    """A line that is not as it was written, or not at its place; the text says what is wrong with it."""


class Head(NamedTuple):
    """The last line: its number (from 1; 0 before any), the writer's epoch, and the line's MAC."""

    number: int = 0
    epoch: int = 0
    mac: str = GENESIS

    def __str__(self) -> str:
        return f"{self.number}:{self.mac}"


def seal(key: bytes, head: Head, epoch: int, fields: Mapping[str, Any]) -> tuple[bytes, Head]:
    """The next line, with its newline, and the new head."""
    content = {"n": head.number + 1, "epoch": epoch, **fields}
    body = _dump(content)
    mac = _chained(key, head.mac, body)
    return body[:-1] + b',"mac":"' + mac.encode() + b'"}\n', Head(head.number + 1, epoch, mac)


def check(key: bytes, head: Head, line: bytes) -> Head:
    """The head after `line` (without newline), if that is the line that came next; else raises ChainBroken."""
    found = _MAC.fullmatch(line[-_MAC_BYTES:])
    if found is None:
        raise ChainBroken("it has no MAC: it was cut off, or written by something else")
    body, mac = line[:-_MAC_BYTES] + b"}", found[1].decode()
    number, epoch = _place(body)
    if not hmac.compare_digest(_chained(key, head.mac, body), mac):
        if number != head.number + 1:
            raise ChainBroken(f"it is number {number} where {head.number + 1} should be: lines are missing or moved")
        raise ChainBroken("its MAC is wrong: the line or the one before it was changed, or the key is another one")
    if epoch < head.epoch:
        raise ChainBroken(f"its epoch {epoch} is over: {head.epoch} had begun")
    return Head(number, epoch, mac)


def head_of(line: bytes) -> Head:
    """The head that a last line claims, unchecked; raises ChainBroken where it is no line of a chain."""
    found = _MAC.fullmatch(line[-_MAC_BYTES:])
    if found is None:
        raise ChainBroken("it has no MAC")
    number, epoch = _place(line[:-_MAC_BYTES] + b"}")
    return Head(number, epoch, found[1].decode())


def _place(body: bytes) -> tuple[int, int]:
    try:
        parsed = json.loads(body)
        number, epoch = parsed["n"], parsed["epoch"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ChainBroken("it is not JSON with a number and an epoch") from error
    if not is_count(number) or not is_count(epoch):
        raise ChainBroken("it is not JSON with a number and an epoch")
    return number, epoch


def is_count(value: object) -> TypeGuard[int]:
    """Whether a line may have `value` as its number or epoch: a head's file must be able to hold it."""
    return type(value) is int and 0 <= value < _MAX_COUNT


def _chained(key: bytes, previous: str, body: bytes) -> str:
    return mac_of(key, previous.encode("utf-8", "replace") + b"\n" + body)


def mac_of(key: bytes, text: bytes) -> str:
    """HMAC-SHA256 in hexadecimal digits."""
    mac = _keyed(key).copy()
    mac.update(text)
    return mac.hexdigest()


@lru_cache(maxsize=1)
def _keyed(key: bytes) -> hmac.HMAC:
    """Nothing but the key, which takes longer than most texts."""
    return hmac.new(key, digestmod="sha256")


def _dump(content: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(content)
    except TypeError:  # Half a surrogate pair, or a number beyond 64 bits.
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
