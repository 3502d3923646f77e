"""Kubeconfig files that hold their certificates, so that a copy of the file alone is enough."""

import base64
from pathlib import Path

import yaml

from dev.cluster.pki import Authority, Credentials


def render_kubeconfig(server: str, authority: bytes, certificate: bytes, key: bytes, context: str) -> str:
    """Return a kubeconfig for one user of one cluster; the arguments are PEM."""
    user = {"client-certificate-data": _encode(certificate), "client-key-data": _encode(key)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": context, "cluster": {"server": server, "certificate-authority-data": _encode(authority)}}
            ],
            "users": [{"name": context, "user": user}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
            "current-context": context,
        }
    )


def write_kubeconfig(path: Path, server: str, authority: Authority, credentials: Credentials, context: str) -> Path:
    """Write a kubeconfig that only its owner can read."""
    material = (authority.certificate.read_bytes(), credentials.certificate.read_bytes(), credentials.key.read_bytes())
    path.touch(mode=0o600)
    path.write_text(render_kubeconfig(server, *material, context))
    return path


def _encode(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
