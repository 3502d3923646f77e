"""What a local cluster holds from the start, pure: rights for its components, the DNS Service, a StorageClass."""

from collections.abc import Sequence
from typing import Any

from dev.cluster.layout import DNS_SERVICE_IP, Layout
from dev.cluster.pki import Identity

Manifest = dict[str, Any]

KUBELET_CLIENT = Identity("kube-apiserver-kubelet-client")
DNS = Identity("system:coredns")
VOLUMES = Identity("system:volume-provisioner")
STORAGE_CLASS = "standard"
PROVISIONER = "tenantry.dev/local-folder"
RBAC = "rbac.authorization.k8s.io"


def addons(layout: Layout) -> list[Manifest]:
    """Return everything in the order in which it is applied."""
    return [
        _bind("kubelet-client", "system:kubelet-api-admin", KUBELET_CLIENT),
        _role(
            DNS.user,
            _rule("", ("endpoints", "services", "pods", "namespaces"), ("list", "watch")),
            _rule("discovery.k8s.io", ("endpointslices",), ("list", "watch")),
        ),
        _bind(DNS.user, DNS.user, DNS),
        _role(
            VOLUMES.user,
            _rule("", ("persistentvolumeclaims",), ("list", "watch")),
            _rule("", ("persistentvolumes",), ("list", "watch", "create", "delete")),
        ),
        _bind(VOLUMES.user, VOLUMES.user, VOLUMES),
        *_dns(layout.node_address),
        _storage_class(),
    ]


def _dns(address: str) -> list[Manifest]:
    """A Service without selector gives the DNS server on the node the usual address."""
    ports = [
        {"name": name, "port": 53, "protocol": protocol} for name, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))
    ]
    names = {"name": "kube-dns", "namespace": "kube-system"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**names, "labels": {"k8s-app": "kube-dns"}},
            "spec": {"clusterIP": DNS_SERVICE_IP, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**names, "labels": {"kubernetes.io/service-name": "kube-dns"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": ports,
        },
    ]


def _storage_class() -> Manifest:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": annotations},
        "provisioner": PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
    }


def _role(name: str, *rules: Manifest) -> Manifest:
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)}


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> Manifest:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _bind(name: str, role: str, identity: Identity) -> Manifest:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": identity.user}],
    }
