"""Who calls. Paths that need a caller say so by asking for it, before they read the body."""

from __future__ import annotations

from aiohttp import web

from tenantry_gateway.identity.local import check_local_caller
from tenantry_gateway.identity.principal import LOCAL_PRINCIPAL, Principal, shared_principal
from tenantry_gateway.identity.tokens import check_token, presented_token
from tenantry_gateway.middleware.record import RECORD
from tenantry_gateway.state import STATE


def caller(request: web.Request) -> Principal:
    """The authenticated caller; raises AuthenticationFailed, or NotReady while there is no configuration."""
    snapshot = request.app[STATE].current()
    if snapshot.tokens:
        check_token(presented_token(request.headers), snapshot.tokens)
        principal = shared_principal(snapshot.config.rbac)
    else:
        check_local_caller(request.headers)
        principal = shared_principal(snapshot.config.rbac, LOCAL_PRINCIPAL)
    request[RECORD].principal = principal.id
    return principal
