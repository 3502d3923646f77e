"""Command lines of the Kubernetes components, pure: what is common to every provider is here, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.audit import MAX_MEGABYTES
from dev.cluster.pki import Authority, Credentials, Identity

SERVICE_CIDR = "10.96.0.0/16"
KUBERNETES_SERVICE_IP = "10.96.0.1"

ADMIN = Identity("kubernetes-admin", "system:masters")
CONTROLLER_MANAGER = Identity("system:kube-controller-manager")
SCHEDULER = Identity("system:kube-scheduler")
PROXY = Identity("system:kube-proxy")


@dataclass(frozen=True, slots=True)
class Command:
    """A component to run: its name (also its executable's and its log's) and its arguments."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where the API server listens and what it is told to be."""

    address: str
    port: int
    etcd: str
    """The URL of etcd."""
    audit_policy: Path | None = None
    audit_log: Path | None = None
    extra: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The base URL that clients use."""
        return f"https://{self.address}:{self.port}"

    @property
    def identity(self) -> Identity:
        """The names under which it is reached, from outside and inside the cluster."""
        service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
        addresses = dict.fromkeys((self.address, "127.0.0.1", KUBERNETES_SERVICE_IP))
        names = [*(f"IP:{address}" for address in addresses), *(f"DNS:{name}" for name in ("localhost", *service))]
        return Identity("kube-apiserver", names=tuple(names))


def etcd(data: Path, client_port: int, peer_port: int) -> Command:
    """One etcd on loopback. It never calls fsync: its data is worth less than the time."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return Command(
        "etcd",
        (
            f"--data-dir={data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--watch-progress-notify-interval=5s",  # As kubeadm has it: without, an idle watch gets no bookmarks.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
    )


def api_server(server: ApiServer, authority: Authority, serving: Credentials) -> Command:
    """The API server with RBAC, Pod Security and ServiceAccount tokens as in any cluster."""
    arguments = [
        f"--etcd-servers={server.etcd}",
        f"--advertise-address={server.address}",
        f"--secure-port={server.port}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={authority.certificate}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={authority.token_key}",
        f"--service-account-signing-key-file={authority.token_key}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        *server.extra,
    ]
    if server.audit_policy is not None and server.audit_log is not None:
        arguments += [f"--audit-policy-file={server.audit_policy}", f"--audit-log-path={server.audit_log}"]
        arguments.append(f"--audit-log-maxsize={MAX_MEGABYTES}")
    return Command("kube-apiserver", tuple(arguments))


def controller_manager(kubeconfig: Path, authority: Authority, extra: Sequence[str] = ()) -> Command:
    """The controllers; nobody needs its own port, so it has none."""
    return Command(
        "kube-controller-manager",
        (
            f"--kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={authority.token_key}",
            f"--root-ca-file={authority.certificate}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            *extra,
        ),
    )


def scheduler(kubeconfig: Path, extra: Sequence[str] = ()) -> Command:
    """The scheduler, without a port of its own."""
    return Command("kube-scheduler", (f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0", *extra))
