"""The Secret with the generated token, and which Secrets a Gateway refers to."""

from __future__ import annotations

import base64

from tenantry_operator.api.v1alpha1.gateway import Gateway, SecretUse
from tenantry_operator.api.v1alpha1.identity import TOKEN_KEY
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import metadata

__all__ = ["TOKEN_KEY", "SecretUse", "build_token_secret", "referenced_secrets"]


def referenced_secrets(gateway: Gateway) -> tuple[SecretUse, ...]:
    """Every key of a Secret that the gateway needs: the token and the API key."""
    return gateway.secrets


def build_token_secret(gateway: Gateway, token: str) -> Manifest:
    """The Secret with a generated token. It is only ever created, never applied again: the token must not change."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(gateway, gateway.token_secret_name),
        "type": "Opaque",
        "data": {TOKEN_KEY: base64.b64encode(token.encode()).decode()},
    }
