"""Container images in docker-archive files: what is in one, and how to make one of a single static executable."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dev.errors import DevError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image in an archive: its id (`sha256:…`, the digest of its configuration) and its names."""

    id: str
    names: tuple[str, ...]


def read_images(archive: Path) -> list[ArchivedImage]:
    """Return the images in a docker-archive.

    Raises:
        DevError: where the file is missing or is no such archive.
    """
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            entries = json.load(member) if member else []
    except OSError as error:
        raise DevError(f"{archive} is no docker-archive: {error.strerror or error}") from error
    except (KeyError, tarfile.TarError, ValueError) as error:
        raise DevError(f"{archive} is no docker-archive: no tar file with a manifest.json") from error
    return [
        ArchivedImage(f"sha256:{PurePosixPath(entry['Config']).stem}", tuple(entry.get("RepoTags") or ()))
        for entry in entries
    ]


def pack_executable(executable: Path, name: str, machine: str, archive: Path) -> None:
    """Write an archive with an image that holds and runs one static executable; the same bytes for the same input."""
    entrypoint = executable.name
    layer = _tar({entrypoint: executable.read_bytes()}, 0o755)
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {"Entrypoint": [f"/{entrypoint}"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    config_data = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(config_data).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]}]
    members = {config_name: config_data, f"{digest}/layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
    archive.write_bytes(_tar(members, 0o644))


def _tar(members: Mapping[str, bytes], mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
