"""The operator's settings: command line first, then environment, then defaults. Parsed once, never changed."""

import argparse
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from tenantry_operator.cluster_network import (
    ClusterNetwork,
    PodSet,
    parse_domain,
    parse_labels,
    parse_names,
    parse_networks,
    parse_pod_sets,
    parse_ports,
)
from tenantry_operator.errors import TenantryError

DEFAULT_GATEWAY_IMAGE = "tenantry.dev/gateway:dev"
SYSTEM_NAMESPACE = "tenantry-system"
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
LOG_LEVELS = ("debug", "info", "warning", "error")
SERVICE_HOST = "KUBERNETES_SERVICE_HOST"
"""Set by the kubelet in every pod that can reach the API server."""

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
PodAccess = Literal["auto", "direct", "proxy"]
T = TypeVar("T")


class SettingsError(TenantryError):
    """A setting has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """``host:port``; ``:port`` listens on every address.

        Raises:
            SettingsError: if there is no port.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535:
            raise SettingsError(f"{text!r} is not an address: write host:port, such as 127.0.0.1:8080")
        return cls(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104 - what a leading colon means everywhere

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ElectionSettings:
    """Which replica acts is decided by a Lease."""

    namespace: str
    """Where the Lease is."""
    identity: str
    """The pod's name; made unlike any other process's when it starts."""
    lease_seconds: float
    """How long others wait for a sign of life."""
    renew_seconds: float
    """How long the leader acts without having renewed."""
    retry_seconds: float
    """Time from one renewal to the next."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an installation can decide."""

    kubeconfig: Path | None
    """None: the pod's own service account."""
    namespaces: tuple[str, ...]
    """The only namespaces to look at; all if empty."""
    gateway_image: str
    gateway_pull_policy: str
    max_rollouts: int
    """How many Gateways at once restart for a changed default image, once the first has come up with it."""
    workers: int
    """How many tenants are reconciled at once."""
    pod_access: PodAccess
    """How pods are asked for the configuration they serve: at their own address, or through the API server."""
    health: Address
    metrics: Address
    log_level: str
    log_format: str
    relist_seconds: float
    """How often the Gateways and AgentBindings are listed again, in case a deletion was missed."""
    resync_seconds: float
    """How often every tenant is looked at though nothing has changed; costs no request."""
    settle_seconds: float
    """How long a status may wait for the next one, which is about to replace it."""
    request_seconds: float
    """How long to wait for an answer of the API server."""
    watch_idle_seconds: float
    """After how long a silence a watch is dead; the API server sends a bookmark about once a minute."""
    election: ElectionSettings | None
    """None: this is the only replica."""
    network: ClusterNetwork = field(default_factory=ClusterNetwork)

    @property
    def direct_pods(self) -> bool:
        """Whether to ask pods at their own address."""
        return self.pod_access == "direct" or (self.pod_access == "auto" and self.kubeconfig is None)


def parse_settings(argv: Sequence[str], env: Mapping[str, str]) -> Settings:
    """Settings from a command line (without the program's name) and an environment.

    Raises:
        SettingsError: naming the setting.
        SystemExit: for ``--help`` and unknown flags, as argparse does.
    """
    options = _parser(env).parse_args(argv)
    for name in ("workers", "max_rollouts"):
        if getattr(options, name) < 1:
            raise SettingsError(f"--{name.replace('_', '-')} must be at least 1")
    if not _NAMESPACE.fullmatch(options.namespace):
        raise SettingsError(f"--namespace: {options.namespace!r} is not a namespace")
    return Settings(
        kubeconfig=_kubeconfig(options.kubeconfig, env),
        namespaces=_namespaces(options.namespaces),
        gateway_image=options.gateway_image,
        gateway_pull_policy=options.gateway_pull_policy,
        max_rollouts=options.max_rollouts,
        workers=options.workers,
        pod_access=options.pod_access,
        health=Address.parse(options.health_address),
        metrics=Address.parse(options.metrics_address),
        log_level=options.log_level,
        log_format=options.log_format,
        relist_seconds=options.relist_seconds,
        resync_seconds=options.resync_seconds,
        settle_seconds=options.settle_seconds,
        request_seconds=options.request_seconds,
        watch_idle_seconds=options.watch_idle_seconds,
        election=_election(options, env) if options.leader_elect == "true" else None,
        network=_cluster_network(options),
    )


def _election(options: argparse.Namespace, env: Mapping[str, str]) -> ElectionSettings:
    """Raises SettingsError where the times do not fit each other."""
    found = ElectionSettings(
        namespace=options.namespace,
        identity=env.get("POD_NAME") or socket.gethostname(),
        lease_seconds=options.lease_seconds,
        renew_seconds=options.renew_seconds,
        retry_seconds=options.retry_seconds,
    )
    if not found.lease_seconds > found.renew_seconds > found.retry_seconds > 0:
        raise SettingsError("--lease-seconds must be above --renew-seconds, that above --retry-seconds, that above 0")
    return found


def _cluster_network(options: argparse.Namespace) -> ClusterNetwork:
    """Raises SettingsError, naming the setting."""

    def read(name: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(getattr(options, name.replace("-", "_")))
        except ValueError as error:
            raise SettingsError(f"--{name}: {error}") from error

    return ClusterNetwork(
        operator=PodSet(options.namespace, read("operator-labels", parse_labels)),
        ingress_namespaces=read("ingress-namespaces", parse_names),
        monitoring_namespaces=read("monitoring-namespaces", parse_names),
        dns_pods=read("dns-pods", parse_pod_sets),
        dns_networks=read("dns-addresses", parse_networks),
        dns_ports=read("dns-ports", parse_ports),
        internal_networks=read("internal-networks", parse_networks),
        cluster_domain=read("cluster-domain", parse_domain),
    )


def _kubeconfig(given: str | None, env: Mapping[str, str]) -> Path | None:
    """As kubectl looks for it, but a pod's own account comes before ``~/.kube/config``."""
    if given:
        return Path(given).expanduser()
    if env.get(SERVICE_HOST):
        return None
    return Path(env.get("HOME") or "~").expanduser() / ".kube" / "config"


def _namespaces(text: str) -> tuple[str, ...]:
    """A list with commas, each name once.

    Raises:
        SettingsError: for what cannot be a namespace's name.
    """
    names = tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise SettingsError(f"--namespaces: {name!r} is not a namespace: write names with commas, such as a,b")
    return names


def _parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tenantry-operator",
        description="Gives every Gateway in the cluster its own AI-agent gateway. Each option has an environment "
        "variable: TENANTRY_ and its name in upper case, such as TENANTRY_GATEWAY_IMAGE; KUBECONFIG as for kubectl.",
    )
    parser.add_argument("command", nargs="?", choices=("run",), default="run", help="run the operator (default)")
    parser.add_argument("--kubeconfig", default=env.get("KUBECONFIG"), help="kubeconfig file; not needed in a pod")

    def add(
        name: str,
        default: str,
        help_text: str,
        choices: Sequence[str] | None = None,
        kind: type = str,
        **extra: Any,
    ) -> None:
        variable = "TENANTRY_" + name.upper().replace("-", "_")
        value = env.get(variable, default)
        if choices is not None and value not in choices:  # argparse checks the command line alone.
            raise SettingsError(f"{variable} is {value!r}: choose from {', '.join(choices)}")
        parser.add_argument(f"--{name}", default=value, help=help_text, choices=choices, type=kind, **extra)

    add("namespaces", "", "namespaces to look at, with commas; all if empty")
    add("gateway-image", DEFAULT_GATEWAY_IMAGE, "image of gateways that name none")
    add("gateway-pull-policy", "IfNotPresent", "pull policy of gateways that name none", choices=PULL_POLICIES)
    add("max-rollouts", "10", "gateways restarted at once for a changed default image", kind=int)
    add("workers", "8", "tenants reconciled at once", kind=int)
    add("pod-access", "auto", "ask pods directly or through the API server", choices=("auto", "direct", "proxy"))
    add("health-address", "0.0.0.0:8080", "where /healthz and /readyz are served")
    add("metrics-address", "0.0.0.0:9402", "where /metrics is served")
    add("log-level", "info", "least severe messages to log", choices=LOG_LEVELS)
    add("log-format", "json", "one JSON object a line, or text", choices=("json", "text"))
    add("relist-seconds", "1800", "time between full lists of Gateways and AgentBindings", kind=float)
    add("resync-seconds", "450", "time between looks at a tenant that does not change", kind=float)
    add("settle-seconds", "10", "time for which the status of what starts waits for its end", kind=float)
    add("request-seconds", "30", "time to wait for an answer of the API server", kind=float)
    add("watch-idle-seconds", "90", "silence after which a watch is dead; bookmarks come once a minute", kind=float)
    leader_elect = "act only while holding the Lease tenantry-operator"
    add("leader-elect", "true", leader_elect, choices=("true", "false"), nargs="?", const="true")
    parser.add_argument(
        "--no-leader-elect", dest="leader_elect", action="store_const", const="false", help="this is the only replica"
    )
    add(
        "namespace",
        env.get("POD_NAMESPACE") or SYSTEM_NAMESPACE,
        "the operator's own namespace: of its pods and its Lease",
    )
    add("lease-seconds", "15", "how long standby replicas wait for a sign of life of the leader", kind=float)
    add("renew-seconds", "10", "how long the leader acts without having renewed its Lease", kind=float)
    add("retry-seconds", "2", "time between renewals", kind=float)
    add("operator-labels", "app.kubernetes.io/name=tenantry-operator", "labels of the operator's own pods")
    add("ingress-namespaces", "", "namespaces of ingress controllers, which may reach every gateway")
    add("monitoring-namespaces", "", "namespaces of what scrapes metrics, which may reach every gateway")
    add("dns-pods", "kube-system/k8s-app=kube-dns", "the cluster's DNS servers: namespace/label=value, by spaces")
    add("dns-addresses", "169.254.20.10", "addresses of DNS servers that are not pods, such as NodeLocal DNSCache")
    add("dns-ports", "53", "ports on which the DNS servers' pods listen; 5353 on OpenShift")
    add(
        "internal-networks", "", "public networks that gateways must not take for the internet: nodes, pods, API server"
    )
    add("cluster-domain", "cluster.local", "what names of Services end in")
    return parser


def settings_from_process(argv: Sequence[str]) -> Settings:
    """Settings from this process's environment."""
    return parse_settings(argv, os.environ)
