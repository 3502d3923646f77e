"""Each figure stands beside the right baseline."""

from __future__ import annotations

from typing import Any

from benchmarks.gateway.report import baseline_of, load_rows, tables


def figures(speed: float) -> dict[str, Any]:
    measured = {"requests_per_second": speed, "p50_ms": 1000 / speed, "p99_ms": 9.0, "cpu_ms_per_request": 1.0}
    return {"1": {**measured, "failures": 0}}


SYSTEMS = {
    "floor, tmpfs": figures(1000),
    "floor, disk": figures(100),
    "gateway, disk": figures(50),
    "litellm": figures(25),
}


def test_the_floor_beside_a_system_is_the_one_with_its_state_in_the_same_place() -> None:
    assert baseline_of(SYSTEMS, "floor", "gateway, disk") == SYSTEMS["floor, disk"]
    assert baseline_of(SYSTEMS, "floor", "gateway, tmpfs") == SYSTEMS["floor, tmpfs"]


def test_what_keeps_no_state_is_beside_the_first_floor() -> None:
    assert baseline_of(SYSTEMS, "floor", "litellm") == SYSTEMS["floor, tmpfs"]


def test_there_is_no_baseline_that_was_not_measured() -> None:
    assert baseline_of(SYSTEMS, "SDK, stream", "gateway, disk") is None


def test_a_row_holds_ratios_of_throughput_median_and_cpu() -> None:
    head, *rows = load_rows({"systems": SYSTEMS}, ("floor", "litellm"))
    gateway = next(row for row in rows if row[0] == "gateway, disk")
    assert len(head) == len(gateway)
    assert gateway[-2:] == ("0.50, 2.00, 1.00", "2.00, 0.50, 1.00")


def test_a_baseline_that_was_left_out_has_no_column() -> None:
    head, *_ = load_rows({"systems": {"gateway, disk": figures(50)}}, ("floor", "litellm"))
    assert "÷" not in "".join(head)


def test_only_what_was_measured_has_a_table() -> None:
    assert tables({}) == ""
    text = tables({"websockets": {"sockets": 2000, "kib_per_socket": {"floor": 13.8}}})
    assert "| floor | 13.8 KiB |" in text
    assert text.count("---") == 2
