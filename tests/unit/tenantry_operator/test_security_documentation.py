"""The pages about security lead somewhere."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_links_to_other_pages_lead_somewhere() -> None:
    for name in ("security.md", "concepts.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (DOCS / name).read_text()):
            assert (DOCS / target).exists(), f"{name}: {target}"
