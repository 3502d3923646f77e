"""What was found by feeding readers with anything: each raised what nobody expected, or miscounted."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.load import Resolved, load_config
from tenantry_gateway.audit.chain import ChainBroken, Head, check
from tenantry_gateway.audit.files import CURRENT, verify
from tenantry_gateway.errors import InvalidRequest
from tenantry_gateway.relay.request import forwarded_headers, relayed
from tenantry_gateway.relay.usage import StreamMeter
from tenantry_gateway.sessions.record import Damaged, read_session
from tenantry_gateway.sessions.transcript import SessionId

SESSION = SessionId("main", None, "claimed", "agent:main:api:x")
IDENTITY = {"agent": "main", "namespace": None, "provenance": "claimed", "key": "agent:main:api:x"}
KEY = b"k" * 32
DEEP = b"[" * 100_000
MAC = b',"mac":"' + b"0" * 64 + b'"}'


def nothing(_name: str) -> Resolved | None:
    return None


CONFIG = load_config("agents: {main: {model: m, system: s}}", nothing)


def test_a_session_line_that_is_nested_too_deeply_is_no_turn() -> None:
    assert read_session(SESSION, [DEEP]).turns == []


def test_a_session_line_with_half_of_a_surrogate_pair_is_damaged() -> None:
    fields: dict[str, object] = {"n": 1, "session": IDENTITY, "role": "user", "message": "whole", "reply": "ok"}
    fields |= {"time": "", "id": "", "actor": "", "stopReason": "", "usage": {"input_tokens": 1, "output_tokens": 1}}
    assert read_session(SESSION, [json.dumps(fields).encode()]).turns
    fields["message"] = "\ud800"

    with pytest.raises(Damaged):
        read_session(SESSION, [json.dumps(fields).encode()])


def test_an_audit_line_that_is_nested_too_deeply_breaks_the_chain() -> None:
    with pytest.raises(ChainBroken):
        check(KEY, Head(), b'{"n":' + DEEP + MAC)


def test_an_audit_log_whose_first_line_claims_a_previous_one_that_is_no_text_is_found_out(tmp_path: Path) -> None:
    line = b'{"n":2,"epoch":1,"previous":"\\ud800"' + MAC
    (tmp_path / CURRENT).write_bytes(line + b"\n")

    assert verify(tmp_path, KEY).fault is not None


@pytest.mark.parametrize("system", ["5", "true", '{"a": 1}'])
def test_a_system_prompt_of_another_type_is_the_clients_fault(system: str) -> None:
    with pytest.raises(InvalidRequest, match="system"):
        relayed(f'{{"model": "agent:main", "system": {system}}}'.encode(), CONFIG)


def test_a_body_that_can_be_read_but_not_written_for_its_depth_is_the_clients_fault() -> None:
    with pytest.raises(InvalidRequest, match="nested"):
        relayed(b'{"model": "agent:main", "x": ' + b"[" * 400 + b"]" * 400 + b"}", CONFIG)


def test_a_header_is_sent_on_once_whatever_its_case() -> None:
    headers = forwarded_headers({"Anthropic-Version": "2024-01-01", "Anthropic-Beta": "b"}, "key")

    assert headers["anthropic-version"] == "2024-01-01"
    assert sorted(name.lower() for name in headers) == sorted(headers)
    assert len({name.lower() for name in headers}) == len(headers)


def test_a_header_that_is_no_utf_8_is_the_clients_fault() -> None:
    with pytest.raises(InvalidRequest):
        forwarded_headers({"anthropic-beta": "\udcff"}, "key")


LONG = b"data: " + b"x" * (1 << 20) + b'"usage"'
LINES = st.sampled_from(
    [
        b'data: {"message": {"usage": {"input_tokens": 7, "output_tokens": 1}}}\n',
        b'data: {"usage": {"output_tokens": 9}}\r\n',
        b'data: {"usage": {"output_tokens": true}}\n',
        b'data: {"usage": 5}\n',
        b"event: x\n",
        b"\n",
        LONG + b"\n",
        LONG[:-20] + b'data: {"usage": {"output_tokens": 50}}\n',
    ]
)


@given(st.lists(LINES, max_size=5).map(b"".join), st.lists(st.integers(0, 1 << 21), max_size=4))
def test_a_stream_counts_the_same_wherever_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    whole, pieces = StreamMeter(), StreamMeter()
    whole.take(stream)
    places = [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(places):
        pieces.take(stream[start:end])

    assert pieces.usage == whole.usage
