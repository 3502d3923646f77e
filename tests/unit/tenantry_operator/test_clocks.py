"""The wall clock can jump. Nothing is paced by it, so that a jump can neither stop the operator nor make it hurry."""

import re
from pathlib import Path

import tenantry_operator

ROOT = Path(tenantry_operator.__file__).parent
READS_THE_WALL_CLOCK = re.compile(r"\b(?:datetime\.now|utcnow|date\.today|time\.time|time\.localtime|time\.gmtime)\(")
TAKES_ITS_TIME = re.compile(r"\bnow\(\)")


def modules_with(pattern: re.Pattern[str]) -> set[str]:
    sources = {path.relative_to(ROOT).as_posix(): path.read_text() for path in ROOT.rglob("*.py")}
    return {name for name, text in sources.items() if pattern.search(text)}


def test_the_wall_clock_is_read_in_one_place() -> None:
    assert modules_with(READS_THE_WALL_CLOCK) == {"__main__.py"}


def test_only_times_that_are_written_down_come_from_the_wall_clock() -> None:
    """Conditions, Events and Leases tell when; a token's phase is dated, and timed by a monotonic clock once seen."""
    assert modules_with(TAKES_ITS_TIME) == {
        "kube/leader.py",
        "reconcile/agent_binding.py",
        "reconcile/engine.py",
        "reconcile/gateway.py",
        "reconcile/report.py",
        "reconcile/rotation.py",
        "reconcile/tokens.py",
    }
