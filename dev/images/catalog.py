"""The project's images: what each is called and what it is built from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cache import content_key
from dev.errors import DevError

ROOT = Path(__file__).resolve().parent.parent.parent
DEVELOPMENT_TAG = "dev"
_SKIPPED = {"__pycache__"}
_VERSION = re.compile(r'^__version__\s*(?::\s*\w+\s*)?=\s*"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Image:
    """An image; `sources` are the files and folders that its Dockerfile copies, relative to the repository's root."""

    name: str
    repository: str
    dockerfile: str
    sources: tuple[str, ...]

    def key(self, base: str) -> str:
        """Return the content key: it changes with anything that the image is built from, `base` included."""
        return content_key(_ingredients(self, base))


_PROJECT = ("pyproject.toml", "README.md", "LICENSE", "requirements/build.txt", "gateway/tenantry_config")

IMAGES: dict[str, Image] = {
    image.name: image
    for image in (
        Image(
            "operator",
            "tenantry.dev/operator",
            "Dockerfile.operator",
            (*_PROJECT, "requirements/operator.txt", "operator/tenantry_operator"),
        ),
        Image(
            "gateway",
            "tenantry.dev/gateway",
            "Dockerfile.gateway",
            (*_PROJECT, "requirements/gateway.txt", "gateway/tenantry_gateway"),
        ),
        Image(
            "standin",
            "tenantry.dev/anthropic-standin",
            "dev/anthropic_standin/Dockerfile",
            ("requirements/standin.txt", "dev/__init__.py", "dev/anthropic_standin"),
        ),
    )
}
"""The images by the name that the command line takes."""


def find_images(names: Sequence[str]) -> list[Image]:
    """Return the images of these names, all of them for none; raises DevError for an unknown one."""
    unknown = [name for name in names if name not in IMAGES]
    if unknown:
        raise DevError(f"no such image: {', '.join(unknown)}; there are {', '.join(IMAGES)}")
    return [IMAGES[name] for name in names or IMAGES]


def project_version() -> str:
    """Return the version that the images are labelled with."""
    match = _VERSION.search((ROOT / "gateway/tenantry_config/version.py").read_text())
    if match is None:
        raise DevError("gateway/tenantry_config/version.py does not set __version__")
    return match[1]


def _ingredients(image: Image, base: str) -> Iterator[bytes]:
    yield base.encode()
    for source in (image.dockerfile, ".dockerignore", *image.sources):
        for path in _files(ROOT / source):
            yield os.fsencode(path.relative_to(ROOT))
            yield path.read_bytes()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise DevError(f"{path.relative_to(ROOT)} is missing, and an image is built from it")
    for child in sorted(path.iterdir()):
        if child.name not in _SKIPPED:
            yield from _files(child)
