"""promtool's own checks (`dev/tools/promcheck`), for the tests: what it finds wrong with metrics and rules."""

import subprocess
from typing import Literal

from dev.errors import DevError
from dev.tools.build import tool_path


def problems(what: Literal["metrics", "rules"], text: str) -> list[str]:
    """What is wrong with a text, one line a problem; empty if nothing is.

    ``metrics`` is what a /metrics answers, ``rules`` a rule file (YAML or JSON: an object with ``groups``).
    """
    command = [str(tool_path("promcheck")), what]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise DevError(f"promcheck {what} ended with code {done.returncode}: {done.stderr.strip()}")
    return done.stdout.splitlines()
