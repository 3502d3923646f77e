"""The address of the client behind trusted proxies."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The nearest address that is no trusted proxy: from `peer`, back through X-Forwarded-For from the right.

    `forwarded` are the header's values in order. What stands left of an untrusted or unreadable address was written
    by strangers and is not looked at.
    """
    if not trusted:
        return peer
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    address = peer
    while _is_trusted(address, trusted) and hops:
        candidate = _parse(hops.pop())
        if candidate is None:
            break
        address = str(candidate)
    return address


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed.version == network.version and parsed in network for network in trusted)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """The address of `text`, which may have a port; an IPv4 address mapped into IPv6 is that IPv4 address.

    A zone (`fe80::1%eth0`) is left out: it is any text, and means something on the host alone that wrote it.
    """
    text = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
