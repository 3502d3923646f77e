import json

import pytest

from tenantry_cli.log_lines import readable, split_prefix


def line(**more: object) -> str:
    return json.dumps({"time": "2026-05-01T12:00:00.123+00:00", "level": "info", "logger": "x", "message": "m", **more})


def test_a_json_line_becomes_clock_level_message_and_the_rest() -> None:
    assert readable(line(status=200, route="/v1/chat", error="two words")) == (
        "info",
        '12:00:00.123 INFO  m  status=200 route=/v1/chat error="two words"',
    )


def test_a_trace_keeps_its_lines() -> None:
    assert readable(line(level="error", exc_info="Traceback\n  x"))[1].endswith("m\nTraceback\n  x")


@pytest.mark.parametrize("text", ["plain text", "{broken", '{"a": 1}', "[1]", ""])
def test_what_is_no_line_of_ours_is_left_as_it_is(text: str) -> None:
    assert readable(text) == ("", text)


def test_a_line_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in readable(line(message="\x1b[2J"))[1] + readable("\x1b]0;x\x07")[1]


def test_the_pod_is_taken_out_of_kubectls_prefix() -> None:
    assert split_prefix("[pod/a-1/gateway] [x] y") == ("a-1", "[x] y")
    assert split_prefix("no prefix") == ("", "no prefix")
