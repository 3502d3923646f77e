"""Tokens of an answer that is passed on: the same however its stream is cut, in whatever order its events come.

Input: the lengths of the first pieces as bytes, a NUL, and the stream.
"""

from __future__ import annotations

from typing import Final

from tenantry_gateway.providers.model import Usage
from tenantry_gateway.relay.usage import StreamMeter, usage_of
from tests.fuzz.targets import pieces

TOKENS: Final = (
    *(b'data: {"usage": {"output_tokens": 9}}\n', b"data:", b"event: message_delta\n", b"\r\n", b"\n\n"),
    *(b'"usage"', b'"message"', b'"input_tokens"', b'"output_tokens"', b'"cache_read_input_tokens"'),
    *(b'"cache_creation_input_tokens"', b"-1", b"true", b"1e9", b"18446744073709551616", b"null"),
)


def fuzz(data: bytes) -> None:
    """One stream."""
    lengths, stream = pieces(data, 2)
    whole = _metered([stream])

    assert _metered(_cut(stream, lengths)) == whole
    assert _metered([stream[place : place + 1] for place in range(min(len(stream), 2000))] + [stream[2000:]]) == whole
    assert _metered([stream.replace(b"\n", b"\r\n")]) == whole
    *lines, _rest = stream.split(b"\n")
    assert _metered([line + b"\n" for line in reversed(lines)]) == whole
    for usage in (whole, usage_of(stream), *(usage_of(line) for line in lines)):
        assert type(usage.input_tokens) is int
        assert type(usage.output_tokens) is int
        assert min(usage.input_tokens, usage.output_tokens) >= 0


def _metered(chunks: list[bytes]) -> Usage:
    meter = StreamMeter()
    before = Usage()
    for chunk in chunks:
        meter.take(chunk)
        assert meter.usage.input_tokens >= before.input_tokens
        assert meter.usage.output_tokens >= before.output_tokens
        before = Usage(meter.usage.input_tokens, meter.usage.output_tokens)
    return meter.usage


def _cut(stream: bytes, lengths: bytes) -> list[bytes]:
    cut = []
    for length in lengths:
        cut.append(stream[:length])
        stream = stream[length:]
    return [*cut, stream]


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
