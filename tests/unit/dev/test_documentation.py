"""The pages lead somewhere: to files that are there, and to headings that are in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "charts/*/*.md", "benchmarks/*.md")
    for page in ROOT.glob(pattern)
)


def anchors(page: Path) -> set[str]:
    """What a link to a heading of a page may name, as GitHub makes it."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_a_file_and_a_heading_that_are_there(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text())
    targets = [((page.parent / path).resolve() if path else page, anchor) for path, anchor in links]

    assert [str(target) for target, _ in targets if not target.exists()] == []
    assert [f"{target.name}#{anchor}" for target, anchor in targets if anchor and anchor not in anchors(target)] == []
