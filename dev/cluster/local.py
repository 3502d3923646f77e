"""The provider `local`: one real node on this Linux machine, as root, without a container engine."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from dev.cache import exclusive
from dev.cluster import cgroups, containerd, network, prerequisites
from dev.cluster.image_archive import read_images
from dev.cluster.layout import Layout
from dev.cluster.node import find_node, kill, remove_state
from dev.cluster.provider import ImageArchive
from dev.cluster.startup import check_health, start_cluster
from dev.console import say, step
from dev.errors import DevError
from dev.tools.build import tool_path


class LocalProvider:
    """A cluster of its own network namespace, cgroup and folder; each method may be called in any state."""

    name = "local"

    def __init__(self, layout: Layout | None = None) -> None:
        self._layout = layout or Layout.of()

    @property
    def kubeconfig(self) -> Path:
        """Where the administrator's kubeconfig is while the cluster is up."""
        return self._layout.kubeconfig

    @property
    def kubectl(self) -> Path:
        """The kubectl of the cluster's version."""
        return tool_path("kubectl")

    @property
    def node_address(self) -> str:
        """Where NodePorts answer."""
        return self._layout.node_address

    def problems(self) -> list[str]:
        """Say what is wrong with a cluster that should be up; nothing means that it is up and well."""
        return check_health(self._layout)

    def is_up(self) -> bool:
        """Say whether every component runs and the node is ready."""
        return not self.problems()

    def prepare(self) -> None:
        """Install what is missing to run a cluster and to build images for it. Raises DevError where it cannot run."""
        prerequisites.ensure(self._layout, {**prerequisites.PACKAGES, **prerequisites.IMAGE_PACKAGES})

    def up(self) -> None:
        """Start the cluster unless it is up and well; whatever a crashed one left is removed first.

        Raises:
            DevError: saying what is missing or what failed; then nothing is left.
        """
        prerequisites.ensure(self._layout)
        with exclusive(self._layout.lock):
            if self.is_up():
                say(f"cluster {self._layout.name} is up")
                return
            for tool in ("kubebox", "coredns", "pause"):
                tool_path(tool)
            with step(f"cluster {self._layout.name} is up"):
                self._start()

    def down(self) -> None:
        """Stop the cluster and remove everything of it, whatever state it is in."""
        if os.geteuid() != 0:
            raise DevError("a local cluster can only be taken down by root")
        with exclusive(self._layout.lock):
            self._clear()
            shutil.rmtree(self._failed_logs, ignore_errors=True)

    def load(self, archives: Iterable[ImageArchive]) -> None:
        """Load images from archives, without those that are there already."""
        node = find_node(self._layout)
        if node is None:
            raise DevError("the cluster is not up: python -m dev.cluster up")
        for archive in archives:
            listing = containerd.list_images(node)
            images = read_images(archive.path)
            if all(containerd.holds_image(listing, name, image.id) for image in images for name in image.names):
                continue
            with step(f"load {' '.join(name for image in images for name in image.names)}"):
                containerd.import_archive(node, archive.path)

    def _start(self) -> None:
        """Start from nothing; a start that fails leaves nothing but its logs."""
        self._clear()
        try:
            start_cluster(self._layout)
        except BaseException:
            self._keep_logs()
            self._clear()
            raise

    @property
    def _failed_logs(self) -> Path:
        return self._layout.state.with_name(f"{self._layout.state.name}.failed-logs")

    def _keep_logs(self) -> None:
        if self._layout.logs.exists():
            shutil.rmtree(self._failed_logs, ignore_errors=True)
            shutil.copytree(self._layout.logs, self._failed_logs, ignore_dangling_symlinks=True)
            say(f"the logs are in {self._failed_logs}")

    def _clear(self) -> None:
        kill(self._layout)
        cgroups.remove(self._layout.node)
        network.remove(self._layout)
        remove_state(self._layout)
