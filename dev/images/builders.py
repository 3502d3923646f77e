"""The tools that can build an image: docker, podman or buildah, whichever is there and works.

An engine counts where its service answers and the base image can be had from a registry. buildah counts on a machine
without either, as root: it builds upon a base that debootstrap made.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dev.cache import cache_root
from dev.console import say
from dev.errors import DevError
from dev.images.archive import rename
from dev.images.base import ensure_base, missing, recipe
from dev.images.catalog import ROOT

PULL_SECONDS = 300
PYTHON_IMAGE = os.environ.get("PYTHON_IMAGE", "docker.io/library/python:3.13-slim-bookworm")
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
MAX_STORED_IMAGES = 30
"""Builds after which buildah's store is emptied: it keeps their images for the layers that the next build reuses."""


class Builder(Protocol):
    """Builds an image and writes it to an archive. `base` names the base image in the images' keys."""

    @property
    def base(self) -> str:
        """Name the base image."""

    def build(self, dockerfile: str, names: Sequence[str], arguments: Mapping[str, str], archive: Path) -> None:
        """Build from the repository's root; the archive's image has all of `names`. Raises DevError."""


def bases() -> tuple[str, str]:
    """Return the names of the bases that a builder here may use, the preferred one first."""
    return PYTHON_IMAGE, recipe()


def choose_builder() -> Builder:
    """Return the first builder that works here; raises DevError that says why none does."""
    for command in ("docker", "podman"):
        if _answers(command):
            if _pulls([command]):
                return Engine(command)
            say(f"{command} answers, but cannot pull {PYTHON_IMAGE}")
    if shutil.which("buildah") is None:
        raise DevError(
            f"no image builder works here: neither docker nor podman answers and can pull {PYTHON_IMAGE}, and buildah "
            "is not installed (apt-get install buildah debootstrap)"
        )
    if _pulls(_buildah()):
        return Buildah(PYTHON_IMAGE)
    lacking = missing()
    if lacking is not None:
        raise DevError(f"buildah cannot pull {PYTHON_IMAGE}, and {lacking}")
    return Buildah(recipe())


@dataclass(frozen=True, slots=True)
class Engine:
    """docker or podman."""

    command: str
    base: str = PYTHON_IMAGE

    def build(self, dockerfile: str, names: Sequence[str], arguments: Mapping[str, str], archive: Path) -> None:
        """Build, tag and save."""
        tags = [part for name in names for part in ("--tag", name)]
        given = _build_arguments({**arguments, "PYTHON_IMAGE": PYTHON_IMAGE})
        _run([self.command, "build", "--file", dockerfile, *tags, *given, "."])
        podman = ["--format", "docker-archive"] if self.command == "podman" else []
        _run([self.command, "save", *podman, "--output", str(archive), *names])


@dataclass(frozen=True, slots=True)
class Buildah:
    """buildah with a store of its own in the cache."""

    base: str

    def build(self, dockerfile: str, names: Sequence[str], arguments: Mapping[str, str], archive: Path) -> None:
        """Build and push to an archive. The host's CA bundle is there while building, not in the image."""
        self._limit_store()
        image = self._base_image()
        certificates = ["--volume", f"{CA_BUNDLE}:{CA_BUNDLE}:ro"] if CA_BUNDLE.exists() else []
        given = _build_arguments({**arguments, "PYTHON_IMAGE": image})
        options = ["--network", "host", "--layers", "--pull-never", "--format", "docker", *certificates, *given]
        _run([*_buildah(), "build", *options, "--tag", names[0], "--file", dockerfile, "."])
        staging = archive.with_suffix(".push")
        try:
            _run([*_buildah(), "push", names[0], f"docker-archive:{staging}:{names[0]}"])
            rename(staging, archive, names)
        finally:
            staging.unlink(missing_ok=True)

    def _base_image(self) -> str:
        """Return the reference of the base in the store, importing it first where it is not there."""
        if self.base == PYTHON_IMAGE:
            return PYTHON_IMAGE
        reference = f"localhost/tenantry-base:{self.base}"
        if not _succeeds([*_buildah(), "inspect", "--type", "image", reference]):
            tar = ensure_base()
            dockerfile = f"FROM scratch\nADD {tar.name} /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n"
            options = ["--format", "docker", "--tag", reference, "--file", "-"]
            _run([*_buildah(), "build", *options, str(_context(tar))], text=dockerfile)
        return reference

    def _limit_store(self) -> None:
        """Empty the store when layers of many old builds have gathered."""
        command = [*_buildah(), "images", "--quiet"]
        listed = subprocess.run(command, check=False, capture_output=True, text=True)
        if len(listed.stdout.split()) > MAX_STORED_IMAGES:
            _run([*_buildah(), "rmi", "--all", "--force"])


def _context(tar: Path) -> Path:
    """Return a folder that holds nothing but the base's tar: a build copies its whole context."""
    folder = tar.with_suffix(".context")
    folder.mkdir(exist_ok=True)
    link = folder / tar.name
    if not link.exists():
        link.hardlink_to(tar)
    return folder


def _buildah() -> list[str]:
    store = cache_root() / "images" / "store"
    return ["buildah", "--storage-driver", "overlay", "--root", str(store / "root"), "--runroot", str(store / "run")]


def _build_arguments(arguments: Mapping[str, str]) -> list[str]:
    return [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]


def _answers(command: str) -> bool:
    """Tell whether an engine's client is there and its service answers."""
    return shutil.which(command) is not None and _succeeds([command, "info"])


def _pulls(command: Sequence[str]) -> bool:
    inspect = "inspect" if command[0] == "buildah" else "image"
    local = [*command, inspect, *(["--type", "image"] if inspect == "inspect" else ["inspect"]), PYTHON_IMAGE]
    return _succeeds(local) or _succeeds([*command, "pull", PYTHON_IMAGE])


def _succeeds(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=PULL_SECONDS, env=_environment())
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _run(command: Sequence[str], text: str | None = None) -> None:
    """Run a command from the repository's root, quiet unless it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=_environment(),
        input=text,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines()[-25:]
        raise DevError("\n".join([f"{' '.join(command[:2])} … failed with code {done.returncode}:", *lines]))


def _environment() -> dict[str, str]:
    """Return the environment for the tools: a chroot is all that an unprivileged container allows buildah."""
    return {**os.environ, "BUILDAH_ISOLATION": "chroot"}
