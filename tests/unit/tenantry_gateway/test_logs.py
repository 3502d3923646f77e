"""Logs: one line of JSON each, without secrets."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_gateway.logs import Line, LineFormatter, Redactor, configure_logging, set_level

SECRET = 'sk-ant-"quoted"-01234'


class Pieces(io.StringIO):
    """A stream that knows how often it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return super().write(text)


@pytest.fixture
def stream() -> Iterator[Pieces]:
    """Where the process' logging goes, which is put back afterwards."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    redactor = Redactor()
    redactor.learn([SECRET])
    stream = Pieces()
    configure_logging(redactor, stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_time_level_logger_message_and_fields(stream: io.StringIO) -> None:
    logging.getLogger("tenantry_gateway.x").warning("two\nlines %s", "here", extra={"status": 200})

    (line,) = lines(stream)
    assert list(line)[:4] == ["time", "level", "logger", "message"]
    assert (line["level"], line["logger"], line["message"], line["status"]) == (
        "warn",
        "tenantry_gateway.x",
        "two\nlines here",
        200,
    )
    assert line["time"].endswith("+00:00")


def test_secrets_are_masked_in_messages_fields_and_tracebacks(stream: io.StringIO) -> None:
    try:
        int(f"cannot use {SECRET}")
    except ValueError:
        logging.getLogger("x").exception("failed with %s", SECRET, extra={"key": SECRET, "deep": [{"a": SECRET}]})

    text = stream.getvalue()
    assert "sk-ant" not in text
    assert text.count("[redacted]") >= 4
    assert "Traceback" in lines(stream)[0]["exc_info"]


def test_warnings_and_the_last_words_of_the_process_are_lines_too(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(f"old {SECRET}", DeprecationWarning, stacklevel=1)
    error = RuntimeError(SECRET)
    sys.excepthook(RuntimeError, error, None)

    first, last = lines(stream)
    assert (first["level"], last["level"]) == ("warn", "error")
    assert "sk-ant" not in stream.getvalue()


def test_levels_are_the_guides_and_libraries_that_log_content_stay_quiet(stream: io.StringIO) -> None:
    set_level("debug")
    logging.getLogger("anthropic").debug("Request options: what somebody said")
    logging.getLogger("httpx2").info("request")
    logging.getLogger("aiohttp.access").info("GET /?token=x")
    logging.getLogger("tenantry_gateway").debug("kept")
    set_level("error")
    logging.getLogger("tenantry_gateway").warning("dropped")

    assert [line["message"] for line in lines(stream)] == ["kept"]


def test_old_secrets_stay_masked_and_their_number_is_bounded() -> None:
    redactor = Redactor()
    for number in range(1000):
        redactor.learn([f"secret-{number:04}"])

    assert redactor.redact("secret-0999 secret-0950 secret-0001") == "[redacted] [redacted] secret-0001"


@given(st.text(min_size=1, max_size=5), st.text())
def test_whatever_a_secret_looks_like_a_line_stays_json(secret: str, message: str) -> None:
    redactor = Redactor()
    redactor.learn([secret])
    record = logging.LogRecord("x", logging.INFO, __file__, 1, message, None, None)

    line = LineFormatter(redactor).format(record)

    assert "\n" not in line
    assert json.loads(line)["message"].replace("[redacted]", "").count(secret) == 0 or secret in "[redacted]"


async def test_requests_that_end_together_are_written_together_and_in_order(stream: Pieces) -> None:
    access = logging.getLogger("tenantry_gateway.access")
    for number in range(3):
        access.handle(Line(access.name, logging.INFO, "request", {"status": number, "key": SECRET}))
    assert stream.pieces == []
    await asyncio.sleep(0)

    assert len(stream.pieces) == 1
    assert [(line["message"], line["level"], line["status"]) for line in lines(stream)] == [
        ("request", "info", number) for number in range(3)
    ]
    assert SECRET not in stream.getvalue()


async def test_other_lines_do_not_overtake_those_of_requests(stream: Pieces) -> None:
    access = logging.getLogger("tenantry_gateway.access")
    access.handle(Line(access.name, logging.INFO, "first", {}))
    await asyncio.to_thread(logging.getLogger("x").warning, "second")
    access.handle(Line(access.name, logging.INFO, "third", {}))
    logging.getLogger().handlers[0].flush()

    assert [line["message"] for line in lines(stream)] == ["first", "second", "third"]
