from __future__ import annotations

import pytest

from benchmarks.gateway.sockets import text_frame


def test_a_frame_is_the_one_of_the_standards_example() -> None:
    # RFC 6455, 5.7: a single-frame masked text message.
    assert text_frame(b"Hello", bytes.fromhex("37fa213d")) == bytes.fromhex("818537fa213d7f9f4d5158")


@pytest.mark.parametrize(("length", "head"), [(125, "81fd"), (126, "81fe007e"), (300, "81fe012c")])
def test_a_frame_tells_its_length(length: int, head: str) -> None:
    frame = text_frame(b"x" * length, bytes(4))
    assert frame == bytes.fromhex(head) + bytes(4) + b"x" * length
