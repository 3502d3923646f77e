"""Authentication by the shared token: which token a request carries, and whether it is one that is accepted."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping

from tenantry_gateway.errors import AuthenticationFailed
from tenantry_gateway.snapshot import token_digest


def presented_token(headers: Mapping[str, str]) -> str:
    """The token of `Authorization: Bearer …`, else of `x-api-key`; raises AuthenticationFailed without one."""
    authorization = headers.get("Authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
        raise AuthenticationFailed("the Authorization header must be: Bearer, a space and the gateway's token")
    token = headers.get("x-api-key", "").strip()
    if not token:
        raise AuthenticationFailed("a token is needed, as Authorization: Bearer … or x-api-key: …")
    return token


def check_token(token: str, accepted: Iterable[bytes]) -> None:
    """Raise AuthenticationFailed unless `token` has one of these digests. Takes the same time wherever it differs."""
    given = token_digest(token)
    equal = [hmac.compare_digest(given, other) for other in accepted]
    if not any(equal):
        raise AuthenticationFailed("the token is not one that this gateway accepts")
