"""Runs one target under atheris: `python -m tests.fuzz.driver NAME [libFuzzer's arguments]`.

The target is imported here, so that atheris sees the code that it tests before it runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import atheris

from tests.fuzz.targets import load


def run(module: str) -> NoReturn:
    """Run the target whose file is `module` in place of this process, which has imported it too early."""
    os.execv(sys.executable, [sys.executable, "-m", "tests.fuzz.driver", Path(module).stem, *sys.argv[1:]])  # noqa: S606 - no shell is wanted


def main() -> None:
    """Feed the target until libFuzzer's arguments say that it is enough."""
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["tenantry_config", "tenantry_gateway"]):
        target = load(name)
    atheris.Setup([name, *arguments], target.fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
