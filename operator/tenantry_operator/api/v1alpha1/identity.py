"""``spec.auth`` and ``spec.rbac`` of a Gateway: who clients are, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tenantry_config.document import Role
from tenantry_operator.api.v1alpha1.common import ApiModel, SecretKey, SecretName, validation

TOKEN_KEY = "token"  # noqa: S105 - the name of a key
MAX_ASSIGNMENTS = 1024


class TokenSecretRef(ApiModel):
    """One key of a Secret in the Gateway's namespace."""

    name: SecretName
    """Name of the Secret, in the Gateway's namespace."""
    key: SecretKey = TOKEN_KEY
    """Key of the Secret that holds the token."""


class AuthSpec(ApiModel):
    """How clients prove to the gateway who they are."""

    mode: Literal["token"] = "token"
    """The kind of authentication: token, one shared token for the tenant's integrations."""
    token_secret_ref: TokenSecretRef | None = None
    """A Secret with the token. Where left out, a token is generated into the Secret NAME-token of this namespace."""


class RbacSpec(ApiModel):
    """Who may do what at the gateway."""

    enabled: bool = False
    """Whether roles are looked up. Where off, everybody with the token is a user."""
    default_role: Role = "user"
    """Role of a principal that no assignment names."""
    assignments: Annotated[
        Mapping[str, Annotated[Role, Field(description="Role of this principal.")]],
        Field(
            max_length=MAX_ASSIGNMENTS,
            json_schema_extra=validation(
                "self.all(principal, size(principal) >= 1 && size(principal) <= 256)",
                "a principal's name must have 1 to 256 characters",
            ),
        ),
    ] = {}
    """Role by principal. The shared token is the principal token:shared."""
