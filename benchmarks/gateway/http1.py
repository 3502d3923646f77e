"""HTTP/1.1 as the load generator needs it: requests made once, answers read as they come. Pure."""

import json
from collections.abc import Mapping

_END = b"\r\n"
_HEAD_END = b"\r\n\r\n"
_TAIL = 256


def request(path: str, *, token: str = "", body: Mapping[str, object] | None = None) -> bytes:
    """A whole request on a connection that is kept; a POST where it has a body."""
    data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines += [f"Authorization: Bearer {token}", "anthropic-version: 2023-06-01"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join(lines).encode() + _HEAD_END + data


class NotHttp(ValueError):
    """Bytes that are no answer which this module reads."""


class AnswerReader:
    """Reads one answer after another of a connection; `tail` is the end of the last body."""

    def __init__(self) -> None:
        self.tail = b""
        self._buffer = b""
        self._status = 0
        self._length: int | None = None

    def feed(self, data: bytes) -> int | None:
        """The status once an answer is whole, else None. Raises NotHttp."""
        self._buffer += data
        if not self._status:
            head, found, rest = self._buffer.partition(_HEAD_END)
            if not found:
                return None
            self._status, self._length = read_head(head)
            self._buffer = rest
            self.tail = b""
        if not (self._whole_chunks() if self._length is None else self._whole(self._length)):
            return None
        status, self._status = self._status, 0
        return status

    def _whole(self, length: int) -> bool:
        if len(self._buffer) < length:
            return False
        self.tail = self._buffer[max(0, length - _TAIL) : length]
        self._buffer = self._buffer[length:]
        return True

    def _whole_chunks(self) -> bool:
        """Take the chunks that are there; whether the last one was."""
        buffer = self._buffer
        place = 0
        whole = False
        while (line := buffer.find(_END, place)) >= 0:
            size = int(buffer[place:line], 16)
            end = line + 2 + size
            if len(buffer) < end + 2:
                break
            place = end + 2
            if not size:
                whole = True
                break
            self.tail = (self.tail + buffer[line + 2 : end])[-_TAIL:]
        self._buffer = buffer[place:]
        return whole


def read_head(head: bytes) -> tuple[int, int | None]:
    """An answer's status, and the length of its body, None where it comes in chunks. Raises NotHttp."""
    first, *lines = head.split(_END)
    version, _, rest = first.partition(b" ")
    if version != b"HTTP/1.1" or not rest[:3].isdigit():
        raise NotHttp(f"no HTTP/1.1 answer: {first[:100]!r}")
    length = None
    chunked = False
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif name.lower() == b"transfer-encoding":
            chunked = value.strip().lower() == b"chunked"
    if length is None and not chunked:
        raise NotHttp("an answer without Content-Length that is not chunked")
    return int(rest[:3]), None if chunked else length
