"""`make fuzz` tells a find from a run that was well, and from one that was none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import dictionary, judge, parse_arguments, run_target
from tests.fuzz.targets import TARGETS

CRASH = "crash-" + "0123456789abcdef0123456789abcdef01234567"
STATS = "print('stat::number_of_executed_units: 1234', file=sys.stderr)"
FINDS = f"open(folder + '{CRASH}', 'wb').write(b'bad'); print('AssertionError: it differs'); sys.exit(77)"
SLOW = "open(folder + 'slow-unit-" + "0" * 40 + "', 'wb').write(b'slow')"


def driver(script: str) -> list[str]:
    """What stands in for atheris: it is given the same arguments."""
    find = "folder = next(a.partition('=')[2] for a in sys.argv if a.startswith('-artifact_prefix='))"
    return [sys.executable, "-c", f"import sys; {find}; {script}"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "usage_meter").mkdir()
    return tmp_path


def run(corpus: Path, script: str) -> bool:
    return run_target("usage_meter", 1, corpus, driver(script))


def test_a_run_without_a_find_is_one_line_with_its_inputs(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(corpus, f"{STATS}; {SLOW}")
    assert capsys.readouterr().err == "usage_meter       ok    1,234 inputs\n"
    assert not list((corpus / "usage_meter").iterdir())


def test_a_find_is_kept_and_told_with_its_reason(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not run(corpus, f"{STATS}; {FINDS}")

    kept = corpus / "usage_meter" / "crash-0123456789ab"
    assert kept.read_bytes() == b"bad"
    assert capsys.readouterr().err == f"usage_meter       FOUND {kept}: AssertionError: it differs\n"


def test_a_target_that_does_not_start_is_not_taken_for_one_that_is_well(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not run(corpus, "import no_such_module")
    assert not run(corpus, "pass")
    told = capsys.readouterr().err.splitlines()
    assert "BROKEN exit 1 after 0 inputs: ModuleNotFoundError" in told[0]
    assert "BROKEN exit 0 after 0 inputs: it said nothing" in told[1]


def test_what_libfuzzer_says_is_the_reason_where_python_says_nothing() -> None:
    output = "==7== ERROR: libFuzzer: timeout after 20 seconds\nSUMMARY: libFuzzer: timeout\n"

    assert judge(70, output, [Path("t")]) == (
        "FOUND t: ==7== ERROR: libFuzzer: timeout after 20 seconds",
        False,
    )


def test_tokens_are_written_as_libfuzzer_reads_them() -> None:
    assert dictionary([b'"a"', b"\n\\\xff", b"b c"]) == '"\\x22a\\x22"\n"\\x0A\\x5C\\xFF"\n"b c"\n'


def test_every_target_runs_for_a_minute_unless_told_otherwise() -> None:
    options = parse_arguments([])

    assert (options.seconds, options.targets) == (60, list(TARGETS))
    assert parse_arguments(["--targets", "usage_meter,config_set"]).targets == ["usage_meter", "config_set"]


@pytest.mark.parametrize("arguments", [["--targets", "none"], ["--seconds", "0"], ["--jobs", "0"]])
def test_what_cannot_be_run_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parse_arguments(arguments)

    assert refused.value.code == 2
