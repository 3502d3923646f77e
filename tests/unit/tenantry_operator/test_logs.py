import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import kopf
import pytest

from tenantry_operator.logs import about, configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = handlers, level


def logged(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_message_is_one_json_object_a_line_with_its_tenant(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    log = logging.getLogger("tenantry_operator.test")

    with about("ns/a", "7"):
        log.info("first\nsecond %s", "x")
    log.info("outside")

    inside, outside = logged(stream)
    assert (inside["message"], inside["tenant"], inside["reconcile"]) == ("first\nsecond x", "ns/a", "7")
    assert (inside["level"], inside["logger"]) == ("INFO", "tenantry_operator.test")
    assert "tenant" not in outside
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", outside["time"])


def test_what_kopf_attaches_for_itself_is_left_out(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)

    extra = {"settings": kopf.OperatorSettings(), "k8s_ref": {}, "k8s_skip": True}
    logging.getLogger("kopf.objects").warning("w", extra=extra)
    logging.getLogger("kopf.objects").info("routine")

    (only,) = logged(stream)
    assert not {"settings", "k8s_ref", "k8s_skip"} & only.keys()


def test_text_is_for_people(stream: io.StringIO) -> None:
    configure_logging("warning", "text", stream)

    logging.getLogger("x").warning("hello")

    assert "WARNING x: hello" in stream.getvalue()
