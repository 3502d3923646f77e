"""The audit log: whatever stands in it, it is read; what is found whole was written so, by one who has the key.

Input: the log, a NUL, and the file of its head.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tenantry_gateway.audit.chain import GENESIS, ChainBroken, Head, check, head_of, seal
from tenantry_gateway.audit.files import CURRENT, HEAD, first_number, head_text, newest, read_head, verify
from tests.fuzz.targets import pieces

TOKENS: Final = (
    *(b'{"n":1,"epoch":1,', b'"n":', b'"epoch":', b'"previous":"', b',"mac":"', b'"}\n', b"\n", b"0" * 64, b"true"),
    *(b"\\ud800", b"-" + b"9" * 4300, b"9" * 4300, b"[" * 1000, b"null", b"1.0", b"1e999"),
)
KEY: Final = b"k" * 32
_STRANGER: Final = b"s" * 32


@cache
def true_log() -> tuple[tuple[bytes, ...], tuple[Head, ...]]:
    """The log that was written with the key: its lines, and the head after each."""
    lines, heads = zip(*_sealed(), strict=True)
    return lines, heads


def _sealed() -> Iterator[tuple[bytes, Head]]:
    head = Head(0, 0, GENESIS)
    for epoch in (1, 2):
        opened = {"type": "audit.opened", "outcome": "success", "previous": head.mac}
        messages = ({"type": "agent.message", "actor": "alice", "target": f"agent-{number}"} for number in range(2))
        for fields in (opened, *messages):
            line, head = seal(KEY, head, epoch, fields)
            yield line.removesuffix(b"\n"), head


def fuzz(data: bytes) -> None:
    """One log and one head."""
    log, head = pieces(data, 2)
    whole_lines = tuple(log.split(b"\n")[:-1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / CURRENT).write_bytes(log)
        if head:
            (folder / HEAD).write_bytes(head)
        _verify(folder, whole_lines)
        assert read_head(folder, KEY) in {None, *true_log()[1], Head()}
        assert newest(folder, 3) == list(whole_lines[-3:])
        newest(folder, 3, before=first_number(folder / CURRENT) + 1)
    for line in whole_lines:
        _check(line)


def _verify(folder: Path, whole_lines: tuple[bytes, ...]) -> None:
    lines, heads = true_log()
    verdict = verify(folder, KEY)
    assert len(str(verdict.head)) < 200
    assert verdict.fault is None or verdict.fault.encode()
    if verdict.fault is None and whole_lines:
        first = lines.index(whole_lines[0])
        assert lines[first : first + len(whole_lines)] == whole_lines
        assert b'"previous"' in whole_lines[0]
        assert verdict.head == heads[first + len(whole_lines) - 1]
    expected = verify(folder, KEY, str(heads[-1]))
    assert expected.fault is not None or whole_lines[-1:] == lines[-1:]
    if whole_lines:
        assert verify(folder, _STRANGER).fault is not None


def _check(line: bytes) -> None:
    """A line follows its own predecessor alone."""
    lines, heads = true_log()
    for place, head in enumerate((Head(), *heads)):
        try:
            after = check(KEY, head, line)
        except ChainBroken as error:
            assert str(error)
        else:
            assert line == lines[place]
            assert after == heads[place] == head_of(line)
            assert len(head_text(KEY, after)) == len(head_text(KEY, Head()))


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
