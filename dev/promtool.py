"""promtool: the one on PATH, else the one of Debian's package prometheus, unpacked into the cache and not installed."""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.cache import cache_root, exclusive
from dev.console import say
from dev.errors import DevError


def promtool_path() -> Path:
    """Return the executable.

    Raises:
        DevError: where there is none, and no apt-get to get it by.
    """
    found = shutil.which("promtool")
    if found:
        return Path(found)
    kept = cache_root() / "bin" / "promtool-debian" / "promtool"
    with exclusive(kept.parent.with_suffix(".lock")):
        if not kept.exists():
            _unpack(kept)
    return kept


def check_rules(rule_file: Path) -> str:
    """Run ``promtool check rules``; returns what it found wrong, empty if nothing is."""
    return _complaints("check", rule_file)


def test_rules(test_file: Path) -> str:
    """Run ``promtool test rules``; returns what it found wrong, empty if nothing is."""
    return _complaints("test", test_file)


def _complaints(what: str, file: Path) -> str:
    done = subprocess.run([str(promtool_path()), what, "rules", str(file)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}"


def _unpack(target: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DevError("missing: promtool, which comes with Prometheus")
    say("getting promtool from Debian's package prometheus")
    with TemporaryDirectory() as folder:
        try:
            _run(["apt-get", "download", "prometheus"], folder)
        except DevError:  # The lists may be old, or not there at all.
            _run(["apt-get", "-qq", "update"], folder)
            _run(["apt-get", "download", "prometheus"], folder)
        (package,) = Path(folder).glob("prometheus_*.deb")
        _run(["dpkg-deb", "-x", str(package), "tree"], folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / "tree/usr/bin/promtool", target)


def _run(command: list[str], folder: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(f"{' '.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}")
