"""The configuration in force, with the secrets it needs: one immutable value that a reload replaces as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import SecretStr

from tenantry_config.document import Config, is_header_safe
from tenantry_config.errors import ConfigError
from tenantry_config.load import config_hash, load_config
from tenantry_gateway.variables import Variables


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a request is answered with. `tokens` are accepted; none: anyone on this machine is the caller.

    `token_version` is no secret: it tells the operator, which writes it beside the tokens, that these are loaded.
    """

    config: Config
    config_hash: str
    tokens: tuple[SecretStr, ...] = ()
    api_key: SecretStr | None = None
    base_url: str | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = field(default=())
    token_version: str | None = None
    token_digests: tuple[bytes, ...] = field(default=(), repr=False)
    """Of the tokens: they are compared with each request's."""

    def secrets(self) -> Iterator[str]:
        """Every secret value, for redaction."""
        for secret in (*self.tokens, self.api_key):
            if secret is not None:
                yield secret.get_secret_value()


def build_snapshot(data: bytes, variables: Variables) -> Snapshot:
    """The snapshot of config.yaml's bytes; raises ConfigError."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ConfigError("", "the document is not UTF-8") from None
    config = load_config(text, variables.resolve)
    current = config.gateway.auth.token or _secret(variables, "GATEWAY_TOKEN")
    previous = _secret(variables, "GATEWAY_TOKEN_PREVIOUS") if current else None
    tokens = tuple(token for token in (current, previous) if token is not None)
    return Snapshot(
        config=config,
        config_hash=config_hash(data),
        tokens=tokens,
        token_digests=tuple(token_digest(token.get_secret_value()) for token in tokens),
        api_key=config.provider.api_key or _secret(variables, "ANTHROPIC_API_KEY"),
        base_url=config.provider.base_url or variables.value("ANTHROPIC_BASE_URL"),
        trusted_proxies=tuple(ip_network(proxy) for proxy in config.gateway.trusted_proxies),
        token_version=variables.value("GATEWAY_TOKEN_VERSION"),
    )


def token_digest(token: str) -> bytes:
    """What tokens are compared by: of one length, and telling nothing of them."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _secret(variables: Variables, name: str) -> SecretStr | None:
    """The secret, or None; one that no HTTP header could carry is as good as missing."""
    value = variables.value(name)
    return SecretStr(value) if value and is_header_safe(value) else None
