"""Where the audit log is: `audit.jsonl`, what was rotated away as `audit-NUMBER.jsonl`, and its head."""

from __future__ import annotations

import hmac
import json
import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tenantry_gateway.audit.chain import GENESIS, ChainBroken, Head, check, head_of, is_count, mac_of
from tenantry_gateway.storage.log_file import read_lines

CURRENT: Final = "audit.jsonl"
HEAD: Final = "audit.head"
_ATTEMPTS: Final = 3
_MAC: Final = re.compile(r"[0-9a-f]{64}")
_ROTATED: Final = re.compile(r"audit-([0-9]{12})\.jsonl")


def rotated_name(first: int) -> str:
    """The name of a rotated file whose first line has this number."""
    return f"audit-{first:012d}.jsonl"


def audit_files(folder: Path) -> tuple[Path, ...]:
    """The log's files, oldest first."""
    rotated = sorted(path for path in folder.glob("audit-*.jsonl") if _ROTATED.fullmatch(path.name))
    current = folder / CURRENT
    return (*rotated, current) if current.exists() else tuple(rotated)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a whole log was found to be: its head, or the first fault and where it is."""

    head: Head
    lines: int
    fault: str | None = None


def verify(folder: Path, key: bytes, expected: str | None = None) -> Verdict:
    """Check every line, from the oldest file to the head; `expected` is a head that was told elsewhere.

    It may be written meanwhile: where a file was rotated away in between, it is read again.
    """
    for _ in range(_ATTEMPTS):
        files = audit_files(folder)
        verdict = _verify(folder, files, key, expected)
        if verdict.fault is None or audit_files(folder) == files:
            break
    return verdict


def _verify(folder: Path, files: tuple[Path, ...], key: bytes, expected: str | None) -> Verdict:
    kept = read_head(folder, key)  # Before the lines: the writer keeps it after them.
    head, lines = _before(files), 0
    told = {expected} - {str(head)} if expected else set()
    for path in files:
        for place, line in enumerate(read_lines(path), start=1):
            try:
                head = check(key, head, line)
            except ChainBroken as error:
                return Verdict(head, lines, f"{path.name} line {place}: {error}")
            lines += 1
            told.discard(str(head))
    return Verdict(head, lines, _missing(kept, head, told))


def _before(files: tuple[Path, ...]) -> Head:
    """The head before the oldest line that is kept: its own text says what it was, and its MAC covers that."""
    first = next((line for path in files for line in read_lines(path)), None)
    if first is None:
        return Head()
    try:
        parsed = json.loads(first)
        number, epoch, previous = parsed["n"], parsed["epoch"], parsed.get("previous", GENESIS)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Head()
    if not is_count(number) or not is_count(epoch) or not _MAC.fullmatch(previous if type(previous) is str else ""):
        return Head()
    return Head(number - 1, min(epoch, 0), previous)


def _missing(kept: Head | None, head: Head, told: set[str]) -> str | None:
    """What shows that the end of the log is gone."""
    if told:
        return f"the head {next(iter(told))} is not in the log: its end was cut off, or it is another log"
    if kept is not None and kept.number > head.number:
        return f"the log ends with number {head.number}, and {kept.number} was written: its end was cut off"
    return None


def head_text(key: bytes, head: Head) -> bytes:
    """What the head's file holds: as long whatever it says, so that it can be written in place."""
    body = f"{head.number:020d} {head.epoch:020d} {head.mac}"
    return f"{body} {mac_of(key, _marked(body))}\n".encode()


def read_head(folder: Path, key: bytes) -> Head | None:
    """The head that was kept; None where there is none that can be believed."""
    try:
        text = (folder / HEAD).read_text("ascii", "replace")
    except OSError:
        return None
    body, _, mac = text.rstrip("\n").rpartition(" ")
    if not hmac.compare_digest(mac_of(key, _marked(body)).encode(), mac.encode("ascii", "replace")):
        return None
    number, epoch, last = body.split(" ")
    return Head(int(number), int(epoch), last)


def _marked(body: str) -> bytes:
    """What a head's MAC covers: never what a line's does."""
    return b"head\n" + body.encode()


def newest(folder: Path, count: int, before: int | None = None) -> list[bytes]:
    """The newest lines, oldest first; with `before`, of those whose number is lower."""
    kept: deque[bytes] = deque(maxlen=count)
    for path in reversed(audit_files(folder)):
        if before is not None and first_number(path) >= before:
            continue
        missing = count - len(kept)
        lines = (line for line in read_lines(path) if before is None or _number(line) < before)
        kept.extendleft(reversed(deque(lines, maxlen=missing)))
        if len(kept) == count:
            break
    return list(kept)


def first_number(path: Path) -> int:
    """The number of a file's first line; 0 where it has none."""
    first = next(read_lines(path), None)
    return _number(first) if first is not None else 0


def _number(line: bytes) -> int:
    try:
        return head_of(line).number
    except ChainBroken:
        return 0
