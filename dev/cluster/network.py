"""The node's network: a namespace of its own and one cable to the host, without a way out.

The node has no default route: nothing that runs in the cluster reaches anything but the host's end of the cable,
whether the host forwards packets or not. The host's own settings and iptables are left alone.
"""

import json
import subprocess
from pathlib import Path

from dev.cluster.components import SERVICE_CIDR
from dev.cluster.layout import Layout
from dev.errors import DevError

NAMESPACES = Path("/run/netns")


def create(layout: Layout) -> None:
    """Make the namespace, the cable and the node's routes."""
    _refuse_taken_address(layout)
    link, node = layout.link, layout.node
    _ip("netns", "add", node)
    _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", node)
    _ip("address", "add", f"{layout.host_address}/24", "dev", link)
    _ip("link", "set", link, "up")
    _ip("-n", node, "link", "set", "lo", "up")
    _ip("-n", node, "address", "add", f"{layout.node_address}/24", "dev", "eth0")
    _ip("-n", node, "link", "set", "eth0", "up")
    # A Service's address needs some route before kube-proxy's rules see the packet; one that no rule takes up is
    # asked for on the cable, where nobody has it.
    _ip("-n", node, "route", "add", SERVICE_CIDR, "dev", "eth0", "src", layout.node_address)
    _run(["nsenter", f"--net={NAMESPACES / node}", "sysctl", "-qw", "net.ipv4.ip_forward=1"])


def remove(layout: Layout) -> None:
    """Remove cable and namespace, with all iptables rules in it, as far as they are there."""
    if link_exists(layout):
        _ip("link", "delete", layout.link)
    if namespace_exists(layout):
        _ip("netns", "delete", layout.node)


def link_exists(layout: Layout) -> bool:
    """Say whether the host's end of the cable is there."""
    return any(link["ifname"] == layout.link for link in json.loads(_ip("-json", "link", "show")))


def namespace_exists(layout: Layout) -> bool:
    """Say whether the network namespace is there."""
    return (NAMESPACES / layout.node).exists()


def _refuse_taken_address(layout: Layout) -> None:
    for link in json.loads(_ip("-json", "address", "show")):
        if any(each.get("local") == layout.host_address for each in link["addr_info"]):
            raise DevError(f"{layout.host_address} belongs to {link['ifname']}: choose another CLUSTER_NAME")


def _ip(*arguments: str) -> str:
    return _run(["ip", *arguments])


def _run(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise DevError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout
