"""Build images into the cache, once for each state of what they are built from."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dev.cache import cache_root, exclusive
from dev.console import say, step
from dev.images.archive import Archive, image_id
from dev.images.builders import Builder, bases, choose_builder
from dev.images.catalog import DEVELOPMENT_TAG, ROOT, Image, find_images, project_version


def build(names: Sequence[str] = ()) -> list[Archive]:
    """Return the archives of these images (all of them for none), building those that are not cached.

    Raises DevError where an image is unknown, or nothing here can build one.
    """
    images = find_images(names)
    archives = {image.name: cached(image) for image in images}
    if any(archive is None for archive in archives.values()):
        with exclusive(_folder() / "build.lock"):
            builder = None
            for image in images:
                found = cached(image)
                if found is None:
                    builder = builder or choose_builder()
                    found = _build(image, builder)
                archives[image.name] = found
    return [archive for archive in archives.values() if archive is not None]


def cached(image: Image) -> Archive | None:
    """Return the cached archive of an image's present state, or None."""
    for base in bases():
        archive = _read(image, image.key(base))
        if archive is not None:
            return archive
    return None


def _build(image: Image, builder: Builder) -> Archive:
    key = image.key(builder.base)
    name = f"{image.repository}:{key}"
    path = _folder() / f"{image.name}-{key}.tar"
    staging = path.with_suffix(f".{os.getpid()}.part")
    say(f"building {name}")
    try:
        with step(f"image {image.name}"):
            names = (name, f"{image.repository}:{DEVELOPMENT_TAG}")
            builder.build(image.dockerfile, names, _label_arguments(), staging)
        description = {"name": name, "repository": image.repository, "id": image_id(staging)}
        path.with_suffix(".json").write_text(json.dumps(description))
        staging.rename(path)
    finally:
        staging.unlink(missing_ok=True)
    _prune(image, key)
    return Archive(image.name, image.repository, name, description["id"], path)


def _read(image: Image, key: str) -> Archive | None:
    path = _folder() / f"{image.name}-{key}.tar"
    if not path.exists():
        return None
    description = json.loads(path.with_suffix(".json").read_text())
    return Archive(image.name, description["repository"], description["name"], description["id"], path)


def _prune(image: Image, key: str) -> None:
    """Remove the archives of the image's earlier states."""
    for path in _folder().glob(f"{image.name}-*"):
        if not path.name.startswith(f"{image.name}-{key}."):
            path.unlink(missing_ok=True)


def _label_arguments() -> dict[str, str]:
    """Return what the images' labels say about the commit they were built from; not part of their keys."""
    return {
        "VERSION": project_version(),
        "REVISION": _git("rev-parse", "HEAD"),
        "CREATED": _git("show", "--no-patch", "--format=%cI", "HEAD"),
    }


def _git(*arguments: str) -> str:
    """Return what git says, or nothing where this is no git checkout."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def _folder() -> Path:
    return cache_root() / "images"
