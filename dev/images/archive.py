"""A built image: a docker-archive tar, which any engine and containerd load. Also how to look inside one."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST = "manifest.json"
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Archive:
    """An image in a file: `name` is the reference by content, `id` the digest of its configuration."""

    image: str
    repository: str
    name: str
    id: str
    path: Path

    def config(self) -> dict[str, Any]:
        """Return the image's configuration: user, labels, entrypoint, environment, history."""
        with _open(self.path) as tar:
            config: dict[str, Any] = json.loads(_read(tar, _manifest(tar)["Config"]))
            return config

    def files(self) -> dict[str, tarfile.TarInfo]:
        """Return what the image's root file system holds, by absolute path, with all layers laid over each other."""
        found: dict[str, tarfile.TarInfo] = {}
        with _open(self.path) as tar:
            for layer in _manifest(tar)["Layers"]:
                handle = tar.extractfile(layer)
                with tarfile.open(fileobj=handle) as members:
                    _overlay(found, members)
        return found


def image_id(path: Path) -> str:
    """Return the digest of the configuration of the image in an archive, as ``sha256:<hex>``."""
    with _open(path) as tar:
        return f"sha256:{PurePosixPath(_manifest(tar)['Config']).stem}"


def rename(source: Path, target: Path, names: Sequence[str]) -> None:
    """Copy an archive with its image called `names`: one may carry several, but not every tool writes them."""
    with _open(source) as tar, tarfile.open(target, "w") as renamed:
        for member in tar:
            if member.name == MANIFEST:
                data = json.dumps([{**_manifest(tar), "RepoTags": list(names)}]).encode()
                member.size = len(data)
                renamed.addfile(member, BytesIO(data))
            else:
                renamed.addfile(member, tar.extractfile(member) if member.isfile() else None)


@contextmanager
def _open(path: Path) -> Iterator[tarfile.TarFile]:
    with tarfile.open(path) as tar:
        yield tar


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    handle = tar.extractfile(name)
    if handle is None:
        raise FileNotFoundError(f"{name} is no file of the archive")
    return handle.read()


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(_read(tar, MANIFEST))[0]
    return manifest


def _overlay(found: dict[str, tarfile.TarInfo], members: tarfile.TarFile) -> None:
    """Lay one layer over what is there: whiteout files remove what lower layers brought."""
    for member in members:
        path = PurePosixPath("/") / member.name
        if path.name == _OPAQUE:
            _remove(found, path.parent, itself=False)
        elif path.name.startswith(_WHITEOUT):
            _remove(found, path.with_name(path.name.removeprefix(_WHITEOUT)), itself=True)
        else:
            found[str(path)] = member


def _remove(found: dict[str, tarfile.TarInfo], path: PurePosixPath, *, itself: bool) -> None:
    if itself:
        found.pop(str(path), None)
    for name in [name for name in found if name.startswith(f"{path}/")]:
        del found[name]
