"""What NetworkPolicies allow, as Cyclonus sees it (`dev/tools/netpol`): the local cluster does not enforce them."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dev.errors import DevError
from dev.tools.build import tool_path

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""The API server sets it on every namespace."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A pod; or, without a namespace, an address that is no pod's."""

    ip: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    more_namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    """The pod's container ports by name."""

    @property
    def namespace_labels(self) -> Mapping[str, str]:
        """All labels of the pod's namespace."""
        return {NAMESPACE_NAME_LABEL: self.namespace, **self.more_namespace_labels}


@dataclass(frozen=True, slots=True)
class Traffic:
    """An attempt to connect."""

    source: Peer
    destination: Peer
    port: int
    protocol: str = "TCP"

    @property
    def port_name(self) -> str:
        """What the destination calls the port, if anything."""
        return next((name for name, port in self.destination.ports.items() if port == self.port), "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the source's policies let it out, and the destination's let it in."""

    egress: bool
    ingress: bool

    @property
    def allowed(self) -> bool:
        """A connection needs both."""
        return self.egress and self.ingress


def verdicts(policies: Sequence[Mapping[str, Any]], traffic: Sequence[Traffic]) -> list[Verdict]:
    """Cyclonus' verdict on each attempt, where just these policies exist."""
    question = {"policies": list(policies), "traffic": list(map(_row, traffic))}
    command = [str(tool_path("netpol"))]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(f"netpol ended with code {done.returncode}: {done.stderr.strip()}")
    return [Verdict(**answer) for answer in json.loads(done.stdout)]


def _row(traffic: Traffic) -> dict[str, Any]:
    return {
        "from": _peer(traffic.source),
        "to": _peer(traffic.destination),
        "port": traffic.port,
        "portName": traffic.port_name,
        "protocol": traffic.protocol,
    }


def _peer(peer: Peer) -> dict[str, Any]:
    found = {"ip": peer.ip, "namespace": peer.namespace, "labels": dict(peer.labels)}
    return found | ({"namespaceLabels": dict(peer.namespace_labels)} if peer.namespace else {})
