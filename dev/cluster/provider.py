"""What every cluster provider offers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class ImageArchive(Protocol):
    """An image in a docker-archive file."""

    @property
    def path(self) -> Path:
        """The file."""


class Provider(Protocol):
    """A way to have a Kubernetes cluster; every method may be called in any state of it."""

    @property
    def name(self) -> str:
        """`kind` or `local`."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; the file is there while the cluster is up."""

    @property
    def kubectl(self) -> Path:
        """A kubectl that fits the cluster."""

    def problems(self) -> list[str]:
        """Say what is wrong with a cluster that should be up; nothing means that it is up and well."""

    def is_up(self) -> bool:
        """Say whether the cluster is up and well."""

    def prepare(self) -> None:
        """Install or check what the cluster and its images need. Raises DevError where it cannot run."""

    def up(self) -> None:
        """Start the cluster unless it is up and well. Raises DevError where it cannot run."""

    def down(self) -> None:
        """Stop the cluster and remove everything of it."""

    def load(self, archives: Iterable[ImageArchive]) -> None:
        """Put images on the nodes, without those that are there already."""
