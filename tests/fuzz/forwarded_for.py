"""X-Forwarded-For: who the client is never depends on what strangers wrote, or on how proxies split the header.

Input: the peer's address and the header's values, with NULs between them.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Final

from tenantry_gateway.identity.client_address import client_address

TOKENS: Final = (
    b"10.0.0.1",
    b"192.168.0.9:80",
    b"[fd00::1]:443",
    b"::ffff:10.1.2.3",
    b"203.0.113.7",
    b",",
    b"%",
    b"\0",
)
_TRUSTED: Final = (ip_network("10.0.0.0/8"), ip_network("192.168.0.0/16"), ip_network("fd00::/8"))
_STRANGER: Final = "198.51.100.1"


def fuzz(data: bytes) -> None:
    """One request."""
    peer, *values = data.decode("utf-8", "surrogateescape").split("\0")
    found = client_address(peer, values, _TRUSTED)

    assert client_address(peer, values, ()) == peer
    assert client_address(peer, [], _TRUSTED) == peer
    if values:
        assert client_address(peer, [",".join(values)], _TRUSTED) == found
    if found != peer:
        assert re.fullmatch(r"[0-9a-f.:]+", found)
        assert str(ip_address(found)) == found
    prefixed = client_address(peer, [_STRANGER, *values], _TRUSTED)
    assert prefixed in ({found, _STRANGER} if _is_trusted(found) else {found})


def _is_trusted(address: str) -> bool:
    """Whether it may be one of the proxies: what is no plain address is held to be one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return True
    return parsed.version == 6 or any(parsed in network for network in _TRUSTED)


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
