"""The Secret with the generated token, how a rotation changes it, and which Secrets a Gateway refers to.

A rotation never lets a client meet a pod that does not know its token. The new token is first written beside the
old one (*staged*), where pods accept it but no client reads it. When every pod has loaded it, one write swaps the two
(*promoted*): whichever of the two versions a pod has, it accepts both tokens. The old one goes after the overlap.

What is said of a rotation is in annotations, so that an operator which was killed goes on where it was.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tenantry_operator.api.v1alpha1.common import GROUP
from tenantry_operator.api.v1alpha1.gateway import Gateway, SecretUse
from tenantry_operator.api.v1alpha1.identity import TOKEN_KEY
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import metadata

__all__ = [
    "TOKEN_KEY",
    "SecretUse",
    "build_token_secret",
    "finished",
    "promoted",
    "referenced_secrets",
    "restarted_clock",
    "staged",
    "with_token",
]

PREVIOUS_KEY = "previous-token"
"""The token that pods accept beside the token: the next one while it is staged, the last one during the overlap."""
VERSION_KEY = "token-version"
"""Names the staged token and is no secret: pods tell by it, in /ready, that they have loaded what is beside it."""
PHASE = f"{GROUP}/rotation-phase"
STAGED = "Staged"
OVERLAP = "Overlap"
STAGED_AT = f"{GROUP}/rotation-staged-at"
ROTATED_AT = f"{GROUP}/rotated-at"
REQUEST = f"{GROUP}/rotation-request"
"""Value of the Gateway's annotation that was served last; never served again."""
UNCONFIRMED = f"{GROUP}/rotation-unconfirmed"
"""Pods that had not confirmed the new token when it took its place."""
MAX_UNCONFIRMED = 5


def referenced_secrets(gateway: Gateway) -> tuple[SecretUse, ...]:
    """Every key of a Secret that the gateway needs: the token and the API key."""
    return gateway.secrets


def build_token_secret(gateway: Gateway, token: str) -> Manifest:
    """The Secret with a generated token. It is only ever created, never applied again: the token must not change.

    A token that is new serves whatever request there is.
    """
    meta = metadata(gateway, gateway.token_secret_name)
    if gateway.rotation_request:
        meta["annotations"] = {REQUEST: gateway.rotation_request}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": meta,
        "type": "Opaque",
        "data": {TOKEN_KEY: _encoded(token)},
    }


def staged(token: str, version: str, request: str, now: datetime) -> Manifest:
    """The merge patch that gives pods the next token; ``request`` is what it serves, empty for none."""
    annotations = {PHASE: STAGED, STAGED_AT: _rfc3339(now), UNCONFIRMED: None}
    return {
        "metadata": {"annotations": annotations | ({REQUEST: request} if request else {})},
        "data": {PREVIOUS_KEY: _encoded(token), VERSION_KEY: _encoded(version)},
    }


def promoted(live: Mapping[str, Any], unconfirmed: Sequence[str], now: datetime) -> Manifest:
    """The merge patch that makes the staged token the token, and the token the previous one.

    ``unconfirmed`` are pods that may not know it yet.
    """
    data = live["data"]
    return {
        "metadata": {
            "annotations": {
                PHASE: OVERLAP,
                STAGED_AT: None,
                ROTATED_AT: _rfc3339(now),
                UNCONFIRMED: _listed(unconfirmed),
            }
        },
        "data": {TOKEN_KEY: data[PREVIOUS_KEY], PREVIOUS_KEY: data.get(TOKEN_KEY) or None},
    }


def finished() -> Manifest:
    """The merge patch that ends the overlap."""
    return {"metadata": {"annotations": {PHASE: None}}, "data": {PREVIOUS_KEY: None}}


def with_token(token: str) -> Manifest:
    """The merge patch for a Secret whose token somebody has removed."""
    return {"data": {TOKEN_KEY: _encoded(token)}}


def restarted_clock(phase: str, now: datetime) -> Manifest:
    """The merge patch for a Secret whose recorded time cannot be right: what it says begins now."""
    return {"metadata": {"annotations": {STAGED_AT if phase == STAGED else ROTATED_AT: _rfc3339(now)}}}


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _rfc3339(moment: datetime) -> str:
    """UTC in whole seconds, rounded up: nothing ends too early."""
    rounded = moment + timedelta(microseconds=999_999)
    return rounded.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _listed(names: Sequence[str]) -> str | None:
    more = f" and {len(names) - MAX_UNCONFIRMED} more" if len(names) > MAX_UNCONFIRMED else ""
    return f"{', '.join(sorted(names)[:MAX_UNCONFIRMED])}{more}" if names else None
