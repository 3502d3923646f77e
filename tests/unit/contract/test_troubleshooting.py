"""Every reason that a condition can have is in the troubleshooting page, and nothing else is."""

import re
from collections.abc import Iterator
from pathlib import Path

from tenantry_operator.conditions import reasons

PAGE = Path(__file__).resolve().parents[3] / "docs" / "troubleshooting.md"
ROW = re.compile(r"^\| `(?P<reason>[A-Za-z]+)` \| (?P<meaning>[^|]+) \| (?P<fix>[^|]+) \|$", re.MULTILINE)


def documented() -> Iterator[tuple[str, str, str]]:
    """Reason, meaning and fix of each row."""
    for row in ROW.finditer(PAGE.read_text()):
        yield row["reason"], row["meaning"].strip(), row["fix"].strip()


def known() -> set[str]:
    return {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}


def test_every_reason_has_a_row_and_every_row_is_a_reason() -> None:
    assert {reason for reason, _, _ in documented()} == known()


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    assert [reason for reason, meaning, fix in documented() if len(meaning) < 10 or not fix] == []


def test_no_reason_of_a_condition_is_written_anywhere_but_among_the_reasons() -> None:
    """A reason in a string of its own would be missing from the page."""
    sources = Path(reasons.__file__).parents[1].rglob("*.py")
    finding = re.compile(r'Finding\(\s*"(?:True|False|Unknown)",\s*"')
    assert [path.name for path in sources if finding.search(path.read_text())] == []
