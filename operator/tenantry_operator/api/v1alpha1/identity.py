"""``spec.auth`` and ``spec.rbac`` of a Gateway: who clients are, and what they may do."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from tenantry_config.document import Role
from tenantry_operator.api.v1alpha1.common import (
    VISIBLE,
    ApiModel,
    Duration,
    SecretKey,
    SecretName,
    seconds,
    validation,
)

TOKEN_KEY = "token"  # noqa: S105 - the name of a key
DEFAULT_OVERLAP = "1h"
MIN_INTERVAL = "10m"
MIN_OVERLAP = "1m"
NOTHING_RULE = "set interval, overlap or both"
INTERVAL_RULE = f"interval must be at least {MIN_INTERVAL}"
OVERLAP_RULE = f"overlap must be at least {MIN_OVERLAP}, so that clients have time to read the new token"
TWO_TOKENS_RULE = (
    f"overlap (where left out: {DEFAULT_OVERLAP}) must be shorter than interval, since no more than two tokens are "
    "accepted at a time"
)
REFERENCE_RULE = (
    "rotation is for the generated token: remove tokenSecretRef, or remove rotation and change the token in that "
    "Secret yourself"
)
MAX_ASSIGNMENTS = 1024
_BAD_PRINCIPAL = "a principal's name must have 1 to 256 characters, without control and formatting characters"


def _principal(name: str) -> str:
    hidden = any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in name)
    if hidden or not 1 <= len(name) <= 256:
        raise ValueError(_BAD_PRINCIPAL)
    return name


Principal = Annotated[str, AfterValidator(_principal)]


class TokenSecretRef(ApiModel):
    """One key of a Secret in the Gateway's namespace."""

    name: SecretName
    """Name of the Secret, in the Gateway's namespace."""
    key: SecretKey = TOKEN_KEY
    """Key of the Secret that holds the token."""


class RotationSpec(ApiModel):
    """Replacement of the generated token by a new one, while clients go on with the old one for a time."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "has(self.interval) || has(self.overlap)",
                    "message": NOTHING_RULE,
                },
                {
                    "rule": f"!has(self.interval) || duration(self.interval) >= duration('{MIN_INTERVAL}')",
                    "message": INTERVAL_RULE,
                    "fieldPath": ".interval",
                },
                {
                    "rule": f"!has(self.overlap) || duration(self.overlap) >= duration('{MIN_OVERLAP}')",
                    "message": OVERLAP_RULE,
                    "fieldPath": ".overlap",
                },
                {
                    "rule": "!has(self.interval) || "
                    f"duration(has(self.overlap) ? self.overlap : '{DEFAULT_OVERLAP}') < duration(self.interval)",
                    "message": TWO_TOKENS_RULE,
                    "fieldPath": ".overlap",
                },
            ]
        }
    )

    interval: Duration | None = None
    """Age at which the token is replaced, such as 720h. Where left out, it is replaced on request alone: by a new value
    of the Gateway's annotation tenantry.dev/rotate-token."""
    overlap: Duration | None = None
    """How long the previous token is accepted after a new one has taken its place, such as 24h. Where left out: 1h."""

    @model_validator(mode="after")
    def _as_the_api_server(self) -> Self:
        interval, overlap = self.interval, self.overlap
        if interval is None and overlap is None:
            raise ValueError(NOTHING_RULE)
        if interval is not None and seconds(interval) < seconds(MIN_INTERVAL):
            raise ValueError(INTERVAL_RULE)
        if overlap is not None and seconds(overlap) < seconds(MIN_OVERLAP):
            raise ValueError(OVERLAP_RULE)
        if interval is not None and seconds(overlap or DEFAULT_OVERLAP) >= seconds(interval):
            raise ValueError(TWO_TOKENS_RULE)
        return self


class AuthSpec(ApiModel):
    """How clients prove to the gateway who they are."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "!has(self.tokenSecretRef) || !has(self.rotation)",
            REFERENCE_RULE,
            fieldPath=".rotation",
        )
    )

    mode: Literal["token"] = "token"
    """The kind of authentication: token, one shared token for the tenant's integrations."""
    token_secret_ref: TokenSecretRef | None = None
    """A Secret with the token. Where left out, a token is generated into the Secret NAME-token of this namespace."""
    rotation: RotationSpec | None = None
    """When the generated token is replaced. Where left out: on request alone, with an overlap of 1h."""

    @model_validator(mode="after")
    def _as_the_api_server(self) -> Self:
        if self.token_secret_ref is not None and self.rotation is not None:
            raise ValueError(REFERENCE_RULE)
        return self

    @property
    def overlap(self) -> str:
        """How long the previous token is accepted, whether rotations are configured or only asked for."""
        return (self.rotation.overlap if self.rotation else None) or DEFAULT_OVERLAP


class RbacSpec(ApiModel):
    """Who may do what at the gateway."""

    enabled: bool = False
    """Whether roles are looked up. Where off, everybody with the token is a user."""
    default_role: Role = "user"
    """Role of a principal that no assignment names."""
    assignments: Annotated[
        Mapping[Principal, Annotated[Role, Field(description="Role of this principal.")]],
        Field(
            max_length=MAX_ASSIGNMENTS,
            json_schema_extra=validation(
                "self.all(principal, size(principal) >= 1 && size(principal) <= 256 && "
                f"principal.matches(r'{VISIBLE}'))",
                _BAD_PRINCIPAL,
            ),
        ),
    ] = {}
    """Role by principal. The shared token is the principal token:shared."""
