"""LiteLLM's proxy in an environment of its own, from the pins of ``requirements/litellm.txt``."""

import re
import subprocess
import sys
from pathlib import Path

from dev.cache import cache_root, content_key, exclusive
from dev.console import say
from dev.errors import DevError

LOCK = Path(__file__).resolve().parents[2] / "requirements" / "litellm.txt"


def version() -> str:
    """The version that is pinned."""
    found = re.search(r"^litellm==(\S+)", LOCK.read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def install() -> Path:
    """The proxy's executable; installed once for each lock file. Raises DevError."""
    folder = cache_root() / "litellm" / content_key([LOCK.read_bytes(), sys.version.encode()])
    done = folder / ".done"
    with exclusive(folder.parent / "lock"):
        if not done.exists():
            say(f"installing LiteLLM {version()} in {folder}")
            _run(sys.executable, "-m", "venv", "--clear", str(folder))
            pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
            _run(*pip, "--require-hashes", "-r", str(LOCK))
            done.touch()
    return folder / "bin" / "litellm"


def _run(*command: str) -> None:
    finished = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if finished.returncode:
        lines = finished.stderr.strip().splitlines() or ["no output"]
        raise DevError(f"LiteLLM cannot be installed ({lines[-1]}); go on with --without-litellm")
