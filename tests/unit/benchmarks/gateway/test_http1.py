"""Answers are read however they are cut into pieces."""

from __future__ import annotations

import json

import pytest

from benchmarks.gateway.http1 import AnswerReader, NotHttp, request
from benchmarks.gateway.upstream import stream_pieces, whole_answer

SIZED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nA\r\nlo, world!\r\n0\r\n\r\n"


@pytest.mark.parametrize(("answer", "status", "tail"), [(SIZED, 200, b"hello"), (CHUNKED, 503, b"hello, world!")])
def test_an_answer_is_whole_with_its_last_byte_and_not_before(answer: bytes, status: int, tail: bytes) -> None:
    reader = AnswerReader()
    found = [reader.feed(answer[place : place + 1]) for place in range(len(answer))]
    assert found == [None] * (len(answer) - 1) + [status]
    assert reader.tail == tail


def test_one_connection_carries_answers_of_both_kinds() -> None:
    reader = AnswerReader()
    assert [reader.feed(each) for each in (SIZED, CHUNKED, SIZED)] == [200, 503, 200]


def test_what_ends_with_the_connection_is_refused() -> None:
    with pytest.raises(NotHttp, match="Content-Length"):
        AnswerReader().feed(b"HTTP/1.1 200 OK\r\n\r\n")


def test_another_protocol_is_refused() -> None:
    with pytest.raises(NotHttp, match="SSH-2"):
        AnswerReader().feed(b"SSH-2.0-server\r\n\r\n")


def test_the_stand_ins_whole_answer_is_a_message_of_about_a_kilobyte() -> None:
    answer = whole_answer()
    assert AnswerReader().feed(answer) == 200
    body = answer.partition(b"\r\n\r\n")[2]
    assert json.loads(body)["usage"]["output_tokens"]
    assert 900 < len(body) < 1200


@pytest.mark.parametrize("chunks", [1, 10, 50, 2000])
def test_the_stand_ins_stream_has_as_many_pieces_as_wanted_and_an_end(chunks: int) -> None:
    start, deltas, end = stream_pieces(chunks)
    reader = AnswerReader()
    assert len(deltas) == chunks
    assert reader.feed(start + b"".join(deltas)) is None
    assert reader.feed(end) == 200
    assert b'"message_stop"' in reader.tail


def test_a_request_tells_its_bodys_length() -> None:
    head, _, body = request("/v1/chat", token="t", body={"text": "Grüße"}).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat HTTP/1.1\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
    assert json.loads(body) == {"text": "Grüße"}
