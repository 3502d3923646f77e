"""What was found by feeding readers with anything: each raised what nobody expected, or miscounted."""

from __future__ import annotations

import json
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.errors import ConfigError
from tenantry_config.load import Resolved, load_config
from tenantry_config.parse import parse_yaml
from tenantry_gateway.audit.chain import ChainBroken, Head, check
from tenantry_gateway.audit.files import CURRENT, verify
from tenantry_gateway.config_edit import edited
from tenantry_gateway.conversation.request import ChatRequest
from tenantry_gateway.errors import InvalidRequest, UpstreamError
from tenantry_gateway.identity.client_address import client_address
from tenantry_gateway.providers.anthropic_stream import _arguments
from tenantry_gateway.relay.request import forwarded_headers, relayed
from tenantry_gateway.relay.usage import StreamMeter
from tenantry_gateway.routes.body import parse_body, parse_json
from tenantry_gateway.sessions.record import Damaged, read_session
from tenantry_gateway.sessions.transcript import SessionId
from tenantry_gateway.websocket.frames import FrameRefused, failure, parse_request

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
    given = {"Anthropic-Version": "2024-01-01", "Anthropic-Beta": "b", "User-Agent": "somebody/1"}
    headers = forwarded_headers(given, "key")

    assert headers["user-agent"].startswith("tenantry-gateway/")
    assert headers["anthropic-version"] == "2024-01-01"
    assert sorted(name.lower() for name in headers) == sorted(headers)
    assert len({name.lower() for name in headers}) == len(headers)


def test_a_header_that_is_no_utf_8_is_the_clients_fault() -> None:
    with pytest.raises(InvalidRequest):
        forwarded_headers({"anthropic-beta": "\udcff"}, "key")


def test_a_header_whose_name_is_no_utf_8_is_refused_in_words_that_are() -> None:
    with pytest.raises(InvalidRequest) as refused:
        forwarded_headers({"anthropic-\udcff": "\udcff"}, "key")

    assert refused.value.message.encode()


def turn_fields(**changed: object) -> dict[str, object]:
    fields: dict[str, object] = {"n": 1, "session": IDENTITY, "role": "user", "message": "whole", "reply": "ok"}
    fields |= {"time": "", "id": "", "actor": "", "stopReason": "", "usage": {"input_tokens": 1, "output_tokens": 1}}
    return fields | changed


@pytest.mark.parametrize(
    "changed",
    [
        {"usage": {"input_tokens": float("inf"), "output_tokens": 1}},
        {"usage": {"input_tokens": 1, "output_tokens": "1"}},
        {"id": "\ud800"},
        {"actor": ["alice"]},
        {"time": None},
    ],
    ids=str,
)
def test_a_session_line_with_a_field_that_no_turn_has_is_damaged(changed: dict[str, object]) -> None:
    assert read_session(SESSION, [json.dumps(turn_fields()).encode()]).turns

    with pytest.raises(Damaged):
        read_session(SESSION, [json.dumps(turn_fields(**changed)).encode()])


CALL = {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}


def step_of(*calls: object, tokens: object = 1) -> bytes:
    step = {"calls": list(calls), "text": "", "usage": {"input_tokens": tokens, "output_tokens": 1}}
    return json.dumps({"turn": "t", "actor": "alice", "session": IDENTITY, "step": step}).encode()


@pytest.mark.parametrize(
    "line",
    [
        step_of({"type": "tool_use", "name": "t", "input": {}}),
        step_of({**CALL, "id": 5}),
        step_of({**CALL, "input": {"a": "\ud800"}}),
        step_of("tool_use"),
        step_of(CALL, tokens="1"),
        step_of().replace(b'"calls": []', b'"calls": "text"'),
    ],
)
def test_a_step_that_the_model_could_not_be_sent_again_is_damaged(line: bytes) -> None:
    assert read_session(SESSION, [step_of(CALL)]).steps

    with pytest.raises(Damaged):
        read_session(SESSION, [line])


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"', "[" * 100_000])
def test_a_calls_arguments_that_no_session_could_keep_are_the_apis_fault(value: str) -> None:
    assert _arguments('{"a": 1e99}') == {"a": 1e99}

    with pytest.raises(UpstreamError, match="arguments"):
        _arguments(f'{{"a": {value}}}')


@pytest.mark.parametrize("number", ["-" + "9" * 4300, "9" * 4300])
def test_an_audit_line_whose_number_no_head_holds_breaks_the_chain(tmp_path: Path, number: str) -> None:
    line = b'{"n":' + number.encode() + b',"epoch":1' + MAC
    (tmp_path / CURRENT).write_bytes(line + b"\n")

    assert "number" in (verify(tmp_path, KEY, "1:0").fault or "")
    with pytest.raises(ChainBroken):
        check(KEY, Head(), line)


def test_an_audit_log_is_not_told_to_begin_after_a_head_that_is_none(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_bytes(b'{"n":2,"epoch":1,"previous":"' + b"9" * 4000 + b'"' + MAC + b"\n")

    assert verify(tmp_path, KEY).head == Head()


def test_a_frame_with_an_unknown_field_is_refused_without_a_word_of_it() -> None:
    frame = {"type": "req", "id": "1", "method": "ping"}
    assert parse_request(frame).id == "1"

    for name in ("x" * 200, "\ud800", "params\ud800"):
        with pytest.raises(FrameRefused) as refused:
            parse_request({**frame, name: 1})
        assert name not in str(refused.value)
        assert len(str(refused.value).encode()) <= 123  # a close frame's reason (RFC 6455, 5.5)


@pytest.mark.parametrize("name", ["\\ud800", "x" * 5000])
def test_a_field_that_is_unknown_or_double_is_named_in_a_message_that_any_answer_holds(name: str) -> None:
    for body in (f'{{"text": "hi", "{name}": 1}}', f'{{"{name}": 1, "{name}": 1}}'):
        with pytest.raises(InvalidRequest) as refused:
            parse_body(body.encode(), ChatRequest)
        assert len(failure("1", refused.value, "r").encode()) < 500


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_that_python_takes_for_infinity_is_refused(number: str) -> None:
    assert parse_json(b'{"a": 1e99}') == {"a": 1e99}

    with pytest.raises(InvalidRequest, match="too large"):
        parse_json(f'{{"a": {number}}}'.encode())


def test_a_zone_is_no_part_of_a_clients_address() -> None:
    trusted = [ip_network("10.0.0.0/8"), ip_network("fe80::/10")]

    assert client_address("10.0.0.1", ["2001:db8::1%x y"], trusted) == "2001:db8::1"
    assert client_address("fe80::1%eth0", ["203.0.113.7"], trusted) == "203.0.113.7"


def test_a_document_that_only_libyaml_reads_is_not_edited() -> None:
    text = "gateway: {logLevel: info, bi?nd: 1}\n"
    assert parse_yaml(text)

    with pytest.raises(ConfigError, match="by hand"):
        edited(text, ("gateway", "port"), 80)


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
