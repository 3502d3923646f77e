"""A base image without an image registry: Debian made by debootstrap, as small as it stays a Debian with Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from dev.cache import cache_root, content_key, exclusive
from dev.console import say, step
from dev.errors import DevError

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "curl", "python3", "python3-venv")
STRIPPED = (
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists/*",
    "var/log/*",
)
"""What a container never reads; a trailing pattern keeps the folder itself."""


def recipe() -> str:
    """Name the base by its recipe; it stands for the base's content in the keys of the images."""
    return f"debian-{SUITE}-{content_key([repr((SUITE, PACKAGES, STRIPPED)).encode()])}"


def missing() -> str | None:
    """Say what a base cannot be made without, or None."""
    if os.geteuid() != 0:
        return "debootstrap needs root"
    return None if shutil.which("debootstrap") else "debootstrap is not installed (apt-get install debootstrap)"


def ensure_base() -> Path:
    """Return a tar of the base's root file system, making it first where it is not cached."""
    folder = cache_root() / "images"
    tar = folder / f"{recipe()}.tar"
    if tar.exists():
        return tar
    with exclusive(folder / "base.lock"):
        if not tar.exists():
            _make(tar)
    return tar


def _make(tar: Path) -> None:
    root = tar.with_suffix(f".{os.getpid()}")
    say(f"making a Debian {SUITE} base image (about 90 s)")
    try:
        with step("base image"):
            _run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root))
            _strip(root)
            staging = tar.with_suffix(".part")
            _run("tar", "--numeric-owner", "--exclude=./dev/*", "-C", str(root), "-cf", str(staging), ".")
            staging.rename(tar)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _strip(root: Path) -> None:
    for pattern in STRIPPED:
        for path in root.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for path in (root / "usr/share/doc").rglob("*"):
        # The licences stay.
        if path.name != "copyright" and not path.is_dir():
            path.unlink()


def _run(*command: str) -> None:
    """Run a command, quiet unless it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise DevError("\n".join([f"{command[0]} failed with code {done.returncode}:", *lines]))
