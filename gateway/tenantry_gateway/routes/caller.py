"""Who calls. Paths that need a caller say so by asking for it, before they read the body."""

from __future__ import annotations

from aiohttp import web

from tenantry_config.document import Role
from tenantry_gateway.errors import PermissionDenied
from tenantry_gateway.identity.local import check_local_caller
from tenantry_gateway.identity.principal import LOCAL_PRINCIPAL, Principal, has_role, shared_principal
from tenantry_gateway.identity.tokens import check_token, presented_token
from tenantry_gateway.middleware.record import RECORD
from tenantry_gateway.snapshot import Snapshot
from tenantry_gateway.state import STATE


def caller(request: web.Request) -> Principal:
    """The authenticated caller; raises AuthenticationFailed, or NotReady while there is no configuration."""
    snapshot = request.app[STATE].current()
    if snapshot.tokens:
        principal = principal_of(presented_token(request.headers), snapshot)
    else:
        principal = local_caller(request, snapshot)
    request[RECORD].principal = principal.id
    return principal


def principal_of(token: str, snapshot: Snapshot) -> Principal:
    """Whom a token stands for; raises AuthenticationFailed."""
    check_token(token, snapshot.token_digests)
    return shared_principal(snapshot.config.rbac)


def local_caller(request: web.Request, snapshot: Snapshot) -> Principal:
    """The caller of a gateway without tokens; raises PermissionDenied for what a foreign web page may have sent."""
    check_local_caller(request.headers)
    return shared_principal(snapshot.config.rbac, LOCAL_PRINCIPAL)


def demand(principal: Principal, role: Role, what: str) -> None:
    """Raise PermissionDenied unless the caller has `role`, which `what` takes."""
    if not has_role(principal.role, role):
        raise PermissionDenied(f"{principal.id} has the role {principal.role}; {what} takes the role {role}")
