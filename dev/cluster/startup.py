"""Starting a local cluster from nothing, and telling whether it is well."""

import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from dev.cluster import addons, cgroups, components, containerd, network, node_config
from dev.cluster.components import ApiServer, Command
from dev.cluster.image_archive import pack_executable
from dev.cluster.kubeconfig import write_kubeconfig
from dev.cluster.layout import DNS_SERVICE_IP, Layout
from dev.cluster.node import Node, find_node
from dev.cluster.pki import Authority, Identity
from dev.cluster.processes import find_processes
from dev.cluster.waiting import api_get, http_get, log_tail, wait_until
from dev.errors import DevError
from dev.kubectl import Kubectl, KubectlError
from dev.tools.build import tool_path

COMPONENTS = (
    "etcd",
    "containerd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "volume-provisioner",
)
ETCD_PORTS = (2379, 2380)
API_PORT = 6443
START_SECONDS = 60.0
EXEC_SECONDS = 2.0
"""For so long after its start a process may still go by the name of what starts it."""


def start_cluster(layout: Layout) -> None:
    """Start everything and wait until the node is ready and answers DNS. Needs a cleared place.

    Raises:
        DevError: naming the component that failed, with the end of its log.
    """
    layout.logs.mkdir(parents=True)
    layout.volumes.mkdir()
    cgroups.create(layout.node)
    network.create(layout)
    startup = _Startup(layout, Authority.create(layout.state / "pki"), Node.start(layout, tool_path("pause")))
    startup.start_control_plane()
    startup.start_containerd()
    startup.wait_for_api()
    startup.start_controllers()
    startup.start_node()
    startup.apply_addons()
    startup.start_services()
    startup.wait_for_node()


class _Startup:
    """The steps, over what they share."""

    def __init__(self, layout: Layout, authority: Authority, node: Node) -> None:
        self._layout = layout
        self._authority = authority
        self._node = node
        self._server = _api_server(layout, authority)
        self._spawned: dict[str, float] = {}

    def start_control_plane(self) -> None:
        self._spawn(components.etcd(self._layout.state / "etcd", *ETCD_PORTS))
        self._authority.issue("kubelet-client", addons.KUBELET_CLIENT)
        serving = self._authority.issue("apiserver", self._server.identity)
        self._spawn(components.api_server(self._server, self._authority, serving))
        self._kubeconfig("admin", components.ADMIN, self._layout.kubeconfig)

    def start_containerd(self) -> None:
        layout = self._layout
        config = self._write("containerd.toml", containerd.render_config(layout))
        self._write("cni/conf/10-bridge.conflist", node_config.render_cni_config(layout))
        self._spawn(Command("containerd", ("--config", str(config))), "containerd")
        wait_until(lambda: containerd.is_ready(self._node), "containerd", START_SECONDS, self._failure)
        archive = layout.state / "pause.tar"
        pack_executable(tool_path("pause"), containerd.PAUSE_IMAGE, platform.machine(), archive)
        containerd.import_archive(self._node, archive)

    def wait_for_api(self) -> None:
        wait_until(lambda: _api_is_ready(self._layout), "the API server", START_SECONDS, self._failure)

    def start_controllers(self) -> None:
        controllers = self._kubeconfig("controller-manager", components.CONTROLLER_MANAGER)
        self._spawn(components.controller_manager(controllers, self._authority))
        self._spawn(components.scheduler(self._kubeconfig("scheduler", components.SCHEDULER)))

    def start_node(self) -> None:
        layout, authority = self._layout, self._authority
        names = (f"DNS:{layout.node}", f"IP:{layout.node_address}")
        kubelet = self._kubeconfig("kubelet", Identity(f"system:node:{layout.node}", "system:nodes", names))
        self._write("resolv.conf", f"nameserver {DNS_SERVICE_IP}\n")
        serving = authority.credentials("kubelet")
        config = self._write("kubelet.yaml", node_config.render_kubelet_config(layout, authority, serving))
        self._spawn(node_config.kubelet(layout, config, kubelet))
        self._spawn(node_config.kube_proxy(layout, self._kubeconfig("proxy", components.PROXY)))

    def apply_addons(self) -> None:
        try:
            Kubectl(tool_path("kubectl"), self._layout.kubeconfig).apply(*addons.addons(self._layout))
        except KubectlError as error:
            raise DevError(f"the cluster's own objects were refused: {error}") from error

    def start_services(self) -> None:
        """DNS and volumes, which need the rights that the addons give them."""
        corefile = self._write("Corefile", node_config.render_corefile(self._kubeconfig("coredns", addons.DNS)))
        self._spawn(node_config.coredns(corefile))
        volumes = self._kubeconfig("volumes", addons.VOLUMES)
        self._spawn(node_config.volume_provisioner(self._layout, volumes))

    def wait_for_node(self) -> None:
        wait_until(lambda: not check_health(self._layout), "the node", START_SECONDS, self._failure)

    def _spawn(self, command: Command, executable: str | None = None) -> None:
        self._node.spawn(command.name, [executable or str(tool_path(command.name)), *command.arguments])
        self._spawned[command.name] = time.monotonic()

    def _failure(self) -> str | None:
        settled = time.monotonic() - EXEC_SECONDS
        names = [name for name, spawned in self._spawned.items() if spawned < settled]
        return next(iter(_ended(self._layout, names)), None)

    def _kubeconfig(self, name: str, identity: Identity, path: Path | None = None) -> Path:
        credentials = self._authority.issue(name, identity)
        target = path or self._layout.state / "pki" / f"{name}.kubeconfig"
        return write_kubeconfig(target, self._server.url, self._authority, credentials, self._layout.name)

    def _write(self, name: str, text: str) -> Path:
        path = self._layout.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def check_health(layout: Layout) -> list[str]:
    """Say what is wrong with the cluster, the cause first; nothing means that it is up and well."""
    if find_node(layout) is None:
        return ["it is not running"]
    ended = _ended(layout, COMPONENTS)
    if ended:
        return ended
    if not _api_is_ready(layout):
        return ["the API server is not ready"]
    problems = [] if _node_is_ready(layout) else ["the node is not ready"]
    if not _dns_is_ready(layout):
        problems.append("DNS is not ready")
    return problems


def _ended(layout: Layout, names: Sequence[str]) -> list[str]:
    running = {process.name for process in find_processes(frozenset(names), layout.state)}
    ended = {name: log_tail(layout.logs / f"{name}.log") for name in names if name not in running}
    return [f"{name} has ended: {tail or 'its log is empty'}" for name, tail in ended.items()]


def _api_server(layout: Layout, authority: Authority) -> ApiServer:
    client = authority.credentials("kubelet-client")
    return ApiServer(
        layout.node_address,
        API_PORT,
        f"http://127.0.0.1:{ETCD_PORTS[0]}",
        extra=(
            f"--kubelet-certificate-authority={authority.certificate}",
            f"--kubelet-client-certificate={client.certificate}",
            f"--kubelet-client-key={client.key}",
            # By default it asks DNS for the node's name first, which nobody serves: no logs, exec or port-forward.
            "--kubelet-preferred-address-types=InternalIP",
        ),
    )


def _api_is_ready(layout: Layout) -> bool:
    return _get(layout, "/readyz") is not None


def _node_is_ready(layout: Layout) -> bool:
    body = _get(layout, f"/api/v1/nodes/{layout.node}")
    conditions = json.loads(body)["status"].get("conditions", []) if body else []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _get(layout: Layout, path: str) -> bytes | None:
    authority = Authority(layout.state / "pki")
    server = _api_server(layout, authority)
    return api_get(server.url, path, authority, authority.credentials("admin"))


def _dns_is_ready(layout: Layout) -> bool:
    return http_get(f"http://{layout.node_address}:{node_config.DNS_READY_PORT}/ready") is not None
