"""The chart's table of values, from values.yaml and its comments: ``python -m dev.chart_readme [--check]``."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from dev.charts import OPERATOR

README = OPERATOR / "README.md"
MARK = "<!-- From values.yaml, by `make generate`: do not edit what follows. -->\n"

Row = tuple[str, str, str]


def table(chart: Path = OPERATOR) -> str:
    """A row for each value of a chart: its name, its default as JSON, and what the comment above it says."""
    text = (chart / "values.yaml").read_text()
    schema = json.loads((chart / "values.schema.json").read_text())
    head: list[Row] = [("value", "default", ""), ("---", "---", "---")]
    found = _rows(yaml.compose(text), yaml.safe_load(text), schema, text.splitlines())
    return "".join(f"| {name} | {default} | {about} |\n" for name, default, about in (*head, *found))


def _rows(node: Any, values: Any, schema: dict[str, Any], lines: Sequence[str], path: str = "") -> Iterator[Row]:
    for key, inside in node.value:
        name, value, known = f"{path}{key.value}", values[key.value], schema["properties"][key.value]
        about = _comment(lines, key.start_mark.line)
        if "properties" in known:
            if about:
                yield f"`{name}`", "", about
            yield from _rows(inside, value, known, lines, f"{name}.")
        else:
            yield f"`{name}`", f"`{json.dumps(value)}`", about


def _comment(lines: Sequence[str], number: int) -> str:
    """The comment right above a line, in one."""
    first = number
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return " ".join(line.strip().removeprefix("# ") for line in lines[first:number]).replace("|", r"\|")


def main(arguments: Sequence[str]) -> int:
    """Write the table, or with ``--check`` only say whether it is current: 1 where not."""
    present = README.read_text()
    written = present.partition(MARK)[0]
    wanted = f"{written}{MARK}\n{table()}"
    if "--check" in arguments and present != wanted:
        sys.stderr.write(f"{README} is stale. Fix: make generate\n")
        return 1
    if "--check" not in arguments:
        README.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
