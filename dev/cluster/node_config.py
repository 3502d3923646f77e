"""Configuration files of what runs on a local node, pure."""

import json
from pathlib import Path
from typing import Any

import yaml

from dev.cluster import containerd
from dev.cluster.components import Command
from dev.cluster.layout import DNS_SERVICE_IP, POD_CIDR, Layout
from dev.cluster.pki import Authority, Credentials

DNS_READY_PORT = 8181
DOMAIN = "cluster.local"


def render_kubelet_config(layout: Layout, authority: Authority, serving: Credentials) -> str:
    """Return kubelet's configuration: cgroups and sockets of this cluster alone, requests only with credentials."""
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        "clusterDNS": [DNS_SERVICE_IP],
        "clusterDomain": DOMAIN,
        "resolvConf": str(layout.state / "resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.node}",
        # Some machines still mount version 1 controllers, and swap is nobody's concern on a development node.
        "failCgroupV1": False,
        "failSwapOn": False,
        "volumePluginDir": str(layout.state / "volume-plugins"),
        # A developer's disk is often nearly full; a node that evicts its pods for it helps nobody.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
    }
    return yaml.safe_dump(config, sort_keys=False)


def render_cni_config(layout: Layout) -> str:
    """Return the pods' network: a bridge, addresses from the pod range, host ports."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,  # the host knows no way back to a pod's address
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": POD_CIDR}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(layout.state / "cni" / "addresses"),
        },
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": layout.node, "plugins": [bridge, portmap]}, indent=2)


def render_corefile(kubeconfig: Path) -> str:
    """Return CoreDNS's configuration: names of this cluster; every other name is refused, for nothing leads outside."""
    return f""".:53 {{
  errors
  ready :{DNS_READY_PORT}
  kubernetes {DOMAIN} in-addr.arpa {{
    kubeconfig {kubeconfig}
  }}
  cache 30
  loadbalance
}}
"""


def kubelet(layout: Layout, config: Path, kubeconfig: Path) -> Command:
    """The node's agent."""
    return Command(
        "kubelet",
        (
            f"--config={config}",
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={layout.node}",
            f"--node-ip={layout.node_address}",
        ),
    )


def kube_proxy(layout: Layout, kubeconfig: Path) -> Command:
    """Services by iptables in the node's network namespace; the kernel's connection limits are left alone."""
    return Command(
        "kube-proxy",
        (
            f"--kubeconfig={kubeconfig}",
            "--proxy-mode=iptables",
            f"--cluster-cidr={POD_CIDR}",
            f"--hostname-override={layout.node}",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ),
    )


def volume_provisioner(layout: Layout, kubeconfig: Path) -> Command:
    """Makes a folder for each PersistentVolumeClaim."""
    return Command(
        "volume-provisioner", (f"--kubeconfig={kubeconfig}", f"--folder={layout.volumes}", f"--node={layout.node}")
    )


def coredns(corefile: Path) -> Command:
    """Cluster DNS, as a process of the node."""
    return Command("coredns", ("-conf", str(corefile)))
