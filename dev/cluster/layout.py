"""What a local cluster is called and where its things are: all derived from its name, so that several can coexist."""

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from dev.cache import cache_root
from dev.errors import DevError

DEFAULT_NAME = "tenantry"
POD_CIDR = "10.244.0.0/24"
"""Pods and Services have the same addresses in each cluster: they exist in its own network namespace only."""

DNS_SERVICE_IP = "10.96.0.10"


@dataclass(frozen=True, slots=True)
class Layout:
    """Names, addresses and folders of one local cluster."""

    name: str
    state: Path

    @classmethod
    def of(cls, name: str | None = None) -> "Layout":
        """Derive everything from a name; None means CLUSTER_NAME, or the default.

        Raises:
            DevError: where the name is no DNS label of at most 20 characters.
        """
        name = name or os.environ.get("CLUSTER_NAME") or DEFAULT_NAME
        if not re.fullmatch(r"[a-z]([-a-z0-9]{0,18}[a-z0-9])?", name):
            raise DevError(f"{name!r} cannot name a cluster: lower-case letters, digits and dashes, at most 20")
        folder = "local" if name == DEFAULT_NAME else f"local-{name}"
        return cls(name, cache_root() / "cluster" / folder)

    @property
    def node(self) -> str:
        """The node's name; also the name of its network namespace and of its cgroup."""
        return f"{self.name}-node"

    @property
    def link(self) -> str:
        """The host's end of the cable to the node; an interface's name has at most 15 characters."""
        return f"tn{zlib.crc32(self.name.encode()):08x}"

    @property
    def host_address(self) -> str:
        """The host's address on that cable."""
        return f"10.250.{self._octet}.1"

    @property
    def node_address(self) -> str:
        """The node's address: the API server's, and where NodePorts answer."""
        return f"10.250.{self._octet}.2"

    @property
    def _octet(self) -> int:
        return zlib.crc32(self.name.encode()) % 254 + 1

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the cluster's administrator."""
        return self.state / "kubeconfig"

    @property
    def lock(self) -> Path:
        """What `up` and `down` hold, outside the folder that `down` removes."""
        return self.state.with_name(f"{self.state.name}.lock")

    @property
    def logs(self) -> Path:
        """A log a component; below it kubelet's pods and containers."""
        return self.state / "log"

    @property
    def volumes(self) -> Path:
        """The folders of PersistentVolumes."""
        return self.state / "volumes"
