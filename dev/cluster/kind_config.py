"""The configuration of a kind cluster, pure: what we need of it, and what the machine's owner adds to it."""

from pathlib import Path
from typing import Any

import yaml

Config = dict[str, Any]

AUDIT_FOLDER = "/etc/tenantry-audit"
"""In the node: the audit policy, and the log next to it; a folder of this machine."""

POLICY = "policy.json"
LOG = "audit.log"


def base_config(audit_folder: Path) -> Config:
    """Return a one-node cluster whose API server writes an audit log into a folder of this machine."""
    settings = {"audit-policy-file": f"{AUDIT_FOLDER}/{POLICY}", "audit-log-path": f"{AUDIT_FOLDER}/{LOG}"}
    as_list = [{"name": name, "value": value} for name, value in settings.items()]
    # kubeadm's v1beta4 has the arguments as a list; kind applies the patch whose version fits the node's kubeadm.
    patches = [_api_server("v1beta3", settings), _api_server("v1beta4", as_list)]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [
            {
                "role": "control-plane",
                "extraMounts": [{"hostPath": str(audit_folder), "containerPath": AUDIT_FOLDER}],
                "kubeadmConfigPatches": patches,
            }
        ],
    }


def merge(base: Config, extra: Config) -> Config:
    """Lay one configuration over another: mappings are merged, lists of nodes node by node, other lists joined."""
    merged = dict(base)
    for key, value in extra.items():
        present = merged.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            merged[key] = merge(present, value)
        elif isinstance(present, list) and isinstance(value, list):
            merged[key] = _merge_nodes(present, value) if key == "nodes" else [*present, *value]
        else:
            merged[key] = value
    return merged


def _merge_nodes(base: list[Config], extra: list[Config]) -> list[Config]:
    shared = min(len(base), len(extra))
    both = [merge(one, other) for one, other in zip(base, extra, strict=False)]
    return [*both, *base[shared:], *extra[shared:]]


def _api_server(version: str, arguments: object) -> str:
    volume = {"name": "audit", "hostPath": AUDIT_FOLDER, "mountPath": AUDIT_FOLDER, "pathType": "Directory"}
    patch = {
        "apiVersion": f"kubeadm.k8s.io/{version}",
        "kind": "ClusterConfiguration",
        "apiServer": {"extraArgs": arguments, "extraVolumes": [volume]},
    }
    return yaml.safe_dump(patch)
