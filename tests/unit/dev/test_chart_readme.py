import json
from pathlib import Path
from typing import Any

from dev.chart_readme import MARK, README, table

VALUES = """# What the file is about.

# The image.
image:
  # Empty: a | b.
  tag: ""
plain: {}
# Told in
# two lines.
ports: [53]
"""
SCHEMA: dict[str, Any] = {"properties": {"image": {"properties": {"tag": {}}}, "plain": {}, "ports": {}}}


def test_each_value_has_a_row_with_its_default_and_the_comment_above_it(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(VALUES)
    (tmp_path / "values.schema.json").write_text(json.dumps(SCHEMA))

    assert table(tmp_path).splitlines()[2:] == [
        "| `image` |  | The image. |",
        r'| `image.tag` | `""` | Empty: a \| b. |',
        "| `plain` | `{}` |  |",
        "| `ports` | `[53]` | Told in two lines. |",
    ]


def test_the_charts_readme_has_the_table_of_its_values() -> None:
    assert README.read_text().partition(MARK)[2].strip() == table().strip()
