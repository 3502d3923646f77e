"""A kind cluster's API server in the place of a control plane on loopback, where there is no Go to build that with."""

from pathlib import Path

import yaml

from dev.cluster import components
from dev.cluster.control_plane import PKI, ControlPlane
from dev.cluster.kind import KindProvider, find_engine
from dev.kubectl import Kubectl
from dev.tools.catalog import TOOLS
from dev.tools.toolchain import machine_has_go


class KindControlPlane(ControlPlane):
    """The same interface over a kind cluster whose node has been retired: nothing schedules or runs pods in it either.

    The cluster is removed with it. Two at a time need different names.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._provider = KindProvider(name)

    @property
    def audit_log(self) -> Path:
        """The API server's audit log, in the folder that the node shares with this machine."""
        return self._provider.audit_log

    @property
    def kubectl(self) -> Path:
        """The kubectl that fits the cluster."""
        return self._provider.kubectl

    def _start(self, folder: Path) -> None:
        """Start the cluster and take its authority, so that certificates can be issued here as well."""
        self._provider.down()  # What a run that was killed has left is full of its objects.
        self._resources.callback(self._provider.down)
        self._provider.up()
        (folder / PKI).mkdir(mode=0o700)
        for name in ("ca.crt", "ca.key"):
            (folder / PKI / name).touch(mode=0o600)
            (folder / PKI / name).write_text(self._provider.on_node("cat", f"/etc/kubernetes/pki/{name}"))
        config = yaml.safe_load(self._provider.kubeconfig.read_text())
        self._url = config["clusters"][0]["cluster"]["server"]
        self._write_kubeconfig("admin", components.ADMIN)
        self._retire_node()

    def _retire_node(self) -> None:
        """Leave the API server, etcd and the controllers, which go on as containers that nobody looks after."""
        self._provider.on_node("systemctl", "stop", "kubelet")
        self._provider.on_node("pkill", "kube-scheduler")
        kubectl = Kubectl(self.kubectl, self.kubeconfig)
        for kind in ("nodes", "storageclasses"):
            kubectl.run("delete", kind, "--all")


def choose_control_plane(name: str) -> ControlPlane:
    """Return a control plane on loopback; where only a container engine could give one without fetching Go, kind's.

    The name is of that kind cluster.
    """
    if not machine_has_go(TOOLS["kubebox"].go) and find_engine() is not None:
        return KindControlPlane(name)
    return ControlPlane()
