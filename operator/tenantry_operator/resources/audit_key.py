"""The Secret with the key of the gateway's audit log.

The log is on the volume, and so the key lives as long as that: without it nobody could tell any more whether the log is
as it was written. It is no file of the volume, since whoever could change the log there could forge it with the key.
"""

from __future__ import annotations

import base64
from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import metadata, owner_reference
from tenantry_operator.resources.persistent_volume_claim import INSTANCE, OWNERS

AUDIT_KEY = "audit-key"
AUDIT_SUFFIX = "-audit"


def audit_secret_name(gateway: Gateway) -> str:
    """The Secret's name."""
    return f"{gateway.meta.name}{AUDIT_SUFFIX}"


def build_audit_secret(gateway: Gateway, key: str) -> Manifest:
    """The Secret with a new key. It is only ever created, never applied again: the key must not change."""
    meta = metadata(gateway, audit_secret_name(gateway))
    del meta["labels"][INSTANCE]
    meta[OWNERS] = audit_owners(gateway)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {name: value for name, value in meta.items() if value is not None},
        "type": "Opaque",
        "data": {AUDIT_KEY: base64.b64encode(key.encode()).decode()},
    }


def audit_owners(gateway: Gateway) -> list[dict[str, Any]] | None:
    """Its owners, as the volume's: none where the volume outlives the Gateway."""
    return None if gateway.spec.deletion_policy == "Retain" else [owner_reference(gateway)]
