import pytest

from tenantry_cli.conversation import events, explain


def test_events_are_told_apart_and_heartbeats_left_out() -> None:
    stream = b': heartbeat\n\nevent: delta\ndata: {"text": "Hel"}\n\nevent:done\r\ndata:{"id": "1"}\r\n\r\ndata: {"x'

    assert list(events(stream.splitlines(keepends=True))) == [("delta", {"text": "Hel"}), ("done", {"id": "1"})]


@pytest.mark.parametrize("data", [b"data: [1]\n", b"data: nonsense\n", b"data: \xff\n"])
def test_data_that_is_no_object_is_empty(data: bytes) -> None:
    assert list(events([data, b"\n"])) == [("message", {})]


@pytest.mark.parametrize(
    ("status", "retry_after", "parts"),
    [
        (401, None, ["the token was refused"]),
        (429, "7", ["too many requests", "Try again in 7 s."]),
        (502, None, ["the Anthropic API failed", "kubectl tenantry logs"]),
        (503, None, ["not ready", "kubectl tenantry status"]),
        (418, None, ["error 418"]),
        (0, None, ["the answer failed"]),
    ],
)
def test_an_error_says_what_to_do_and_where_to_find_it_in_the_logs(
    status: int, retry_after: str | None, parts: list[str]
) -> None:
    body = {"error": {"type": "x", "message": "The gateway's own words."}, "request_id": "req_1"}

    text = explain(status, retry_after, body)

    for part in (*parts, "The gateway's own words.", "(req_1)"):
        assert part in text


def test_an_answer_that_is_no_error_of_ours_is_explained_by_its_status() -> None:
    assert explain(503, None, {"error": "x"}) == "the gateway is not ready; see kubectl tenantry status"
