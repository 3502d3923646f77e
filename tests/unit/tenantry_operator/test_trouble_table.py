import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_every_test_that_the_table_of_troubles_names_exists() -> None:
    page = (ROOT / "docs" / "operator.md").read_text()
    section = page.partition("## Under trouble")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(test_\w+)`", section))
    there = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }

    assert len(named) > 20
    assert named - there == set()
