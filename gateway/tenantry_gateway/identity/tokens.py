"""Authentication by the shared token: which token a request carries, and whether it is one that is accepted."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from tenantry_gateway.errors import AuthenticationFailed


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


def check_token(token: str, accepted: Iterable[SecretStr]) -> None:
    """Raise AuthenticationFailed unless `token` is an accepted one. Takes the same time wherever it differs."""
    given = _digest(token)
    equal = [hmac.compare_digest(given, _digest(secret.get_secret_value())) for secret in accepted]
    if not any(equal):
        raise AuthenticationFailed("the token is not one that this gateway accepts")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
