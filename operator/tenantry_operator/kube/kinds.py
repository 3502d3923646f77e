"""The kinds that this operator reads or writes, and their paths in the API."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
"""An object as the API server sends it, parsed."""

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind; ``group`` is empty for the core group."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True
    """Whether its objects are in namespaces; others have the namespace "" in keys."""

    @property
    def api_version(self) -> str:
        """As in a manifest: ``apps/v1``, ``v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path of the API version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of a collection (all namespaces with None), an object or its subresource."""
        parts = [self.root]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
SERVICE = Kind("", "v1", "Service", "services")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
PERSISTENT_VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses")
HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
SERVICE_MONITOR = Kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors")
PROMETHEUS_RULE = Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")
POD = Kind("", "v1", "Pod", "pods")
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
EVENT = Kind("events.k8s.io", "v1", "Event", "events")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
STORAGE_CLASS = Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False)
GATEWAY = Kind("tenantry.dev", "v1alpha1", "Gateway", "gateways")
AGENT_BINDING = Kind("tenantry.dev", "v1alpha1", "AgentBinding", "agentbindings")

APPLIED_KINDS: tuple[Kind, ...] = (
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    NETWORK_POLICY,
    SERVICE,
    POD_DISRUPTION_BUDGET,
    PERSISTENT_VOLUME_CLAIM,
    DEPLOYMENT,
)
"""What is applied for a tenant, drift-checked and, but for claims, pruned. The generated Secret is only created."""

OPTIONAL_KINDS: tuple[Kind, ...] = (HTTP_ROUTE, INGRESS, SERVICE_MONITOR, PROMETHEUS_RULE)
"""The same for what a gateway runs without: its API may be absent, arrive later or vanish, or not be granted."""

_BY_MANIFEST = {(kind.api_version, kind.name): kind for kind in (*APPLIED_KINDS, *OPTIONAL_KINDS, SECRET)}


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The kind of a rendered manifest.

    Raises:
        KeyError: for a kind that has no informer: it would never be drift-checked.
    """
    return _BY_MANIFEST[manifest["apiVersion"], manifest["kind"]]


def key_of(manifest: Mapping[str, Any]) -> Key:
    """Namespace ("" for one without) and name of a manifest or a live object."""
    meta = manifest["metadata"]
    return sys.intern(meta.get("namespace", "")), sys.intern(meta["name"])  # Of a tenant, many objects share them.
