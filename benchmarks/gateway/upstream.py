"""A stand-in of the Anthropic API for benchmarks: fixed answers, as fast as Python gives them.

`dev/anthropic_standin` is the correct one. This one looks at nothing but whether a stream is wanted, so that it is not
what limits a measurement. It runs as a process: ``python -m benchmarks.gateway.upstream --port 9000``.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

MODEL = "claude-opus-4-5"
TEXT = "The gateway passes on what the model says, word by word, and keeps what was said. " * 9
"""With what is around it, about a kilobyte."""
USAGE = {
    "input_tokens": 120,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 180,
    "service_tier": "standard",
}
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_HEADERS = b"HTTP/1.1 200 OK\r\nrequest-id: req_benchmark\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


def message(text: str, stop_reason: str | None = "end_turn") -> dict[str, object]:
    """An answer of the Messages API."""
    return {
        "id": "msg_013Zva2CMHLNnjNjJJKqJ2EF",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": USAGE,
    }


def whole_answer() -> bytes:
    """The answer to a request without a stream."""
    body = json.dumps(message(TEXT)).encode()
    head = _HEADERS + b"content-type: application/json\r\ncontent-length: %d" % len(body)
    return head + _HEAD_END + body


def stream_pieces(chunks: int) -> tuple[bytes, list[bytes], bytes]:
    """A stream: what comes at once, then one piece for each chunk of text, and what ends it."""
    size = -(-len(TEXT) // chunks)
    texts = [TEXT[place : place + size] for place in range(0, len(TEXT), size)]
    texts += ["."] * (chunks - len(texts))
    start = _HEADERS + b"content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked" + _HEAD_END
    start += _event({"type": "message_start", "message": message("", None)})
    start += _event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    deltas = [
        _event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
        for text in texts
    ]
    end = _event({"type": "content_block_stop", "index": 0})
    end += _event(
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": USAGE}
    )
    return start, deltas, end + _event({"type": "message_stop"}) + _LAST_CHUNK


def _event(data: dict[str, object]) -> bytes:
    """A server-sent event in an HTTP chunk of its own."""
    text = b"event: %s\ndata: %s\n\n" % (str(data["type"]).encode(), json.dumps(data).encode())
    return b"%x\r\n%s\r\n" % (len(text), text)


@dataclass(frozen=True, slots=True)
class Answers:
    """What is answered, ready to be sent; `interval` is the seconds from one chunk of a stream to the next."""

    whole: bytes
    start: bytes
    deltas: Sequence[bytes]
    end: bytes
    interval: float

    @property
    def at_once(self) -> bytes:
        """A stream without any waiting."""
        return self.start + b"".join(self.deltas) + self.end


class Upstream(asyncio.Protocol):
    """A connection: one request at a time."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._at_once = answers.at_once
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request that is whole."""
        assert self._transport is not None
        self._buffer += data
        head_end = self._buffer.find(_HEAD_END)
        if head_end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, head_end)
        end = head_end + len(_HEAD_END) + (int(length[1]) if length else 0)
        if len(self._buffer) < end:
            return
        stream = _STREAM.search(self._buffer, head_end, end)
        self._buffer = self._buffer[end:]
        if stream is None:
            self._transport.write(self._answers.whole)
        elif self._answers.interval:
            self._began = asyncio.get_running_loop().time()
            self._transport.write(self._answers.start)
            self._chunk(0)
        else:
            self._transport.write(self._at_once)

    def _chunk(self, index: int) -> None:
        """Send a chunk; its successor is due by the stream's begin, so that no delay adds up."""
        assert self._transport is not None
        if self._transport.is_closing():
            return
        answers = self._answers
        if index == len(answers.deltas) - 1:
            self._transport.write(answers.deltas[index] + answers.end)
            return
        self._transport.write(answers.deltas[index])
        due = self._began + (index + 1) * answers.interval
        asyncio.get_running_loop().call_at(due, self._chunk, index + 1)


async def serve(port: int, answers: Answers) -> None:
    """Answer for ever."""
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(answers), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunks", type=int, default=10, help="pieces of text in a stream")
    parser.add_argument("--interval-ms", type=float, default=0, help="from one to the next")
    options = parser.parse_args()
    start, deltas, end = stream_pieces(options.chunks)
    asyncio.run(serve(options.port, Answers(whole_answer(), start, deltas, end, options.interval_ms / 1000)))


if __name__ == "__main__":
    main()
