"""The client's address behind proxies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_gateway.identity.client_address import client_address

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4, 10.0.0.2"], "1.2.3.4"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["1.2.3.4, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4:5678"], "1.2.3.4"),
        ("10.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("fd00::1", ["2001:db8::2"], "2001:db8::2"),
        ("", ["1.2.3.4"], ""),
    ],
)
def test_the_address_is_the_first_untrusted_one_from_the_right(peer: str, forwarded: list[str], address: str) -> None:
    assert client_address(peer, forwarded, TRUSTED) == address


@given(st.lists(st.text()))
def test_an_untrusted_peer_is_the_client_whatever_it_claims(forwarded: list[str]) -> None:
    assert client_address("203.0.113.9", forwarded, TRUSTED) == "203.0.113.9"


@given(st.lists(st.text()))
def test_what_stands_left_of_the_real_client_changes_nothing(lies: list[str]) -> None:
    assert client_address("10.0.0.1", [*lies, "198.51.100.7"], TRUSTED) == "198.51.100.7"
