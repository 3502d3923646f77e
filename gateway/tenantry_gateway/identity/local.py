"""A gateway without a token answers programs on this machine, but no web page that is open on it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from tenantry_gateway.errors import PermissionDenied


def is_loopback(host: str) -> bool:
    """Whether `host`, an address or name without port, is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_local_caller(headers: Mapping[str, str]) -> None:
    """Raise PermissionDenied for a request that a foreign web page, or a name rebound to loopback, may have sent."""
    host = _host_of("//" + headers.get("Host", ""))
    origin = headers.get("Origin")
    if not is_loopback(host) or (origin is not None and not is_loopback(_host_of(origin))):
        raise PermissionDenied("a gateway without a token answers only local programs: set GATEWAY_TOKEN")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
