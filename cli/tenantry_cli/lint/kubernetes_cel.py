"""The functions that Kubernetes adds to CEL, for cel-python: quantities, addresses, URLs.

https://kubernetes.io/docs/reference/using-api/cel/ names them; only those that our definitions use are here, and a test
holds their verdicts against a real API server's.
"""

import ipaddress
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.celtypes import BoolType, DurationType, IntType, StringType
from celpy.evaluation import CELEvalError, CELUnsupportedError

QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
SCALES = {
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
    **dict(zip("num", (Decimal(10) ** -9, Decimal(10) ** -6, Decimal(10) ** -3), strict=True)),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
}
URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:[?][^#]*)?(?:#.*)?", re.IGNORECASE)
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=<>\"-]*)(?::([0-9]*))?")
DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)")
CONVERSION = re.compile(r"type conversion error from '\w+' to '[\w.]+'")
OVERFLOW = "return error for overflow"
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Unusable(ValueError):
    """A function got text that it cannot read; the rule as a whole then cannot be told."""


def quantity(text: str) -> Decimal:
    """`1Gi` as a number."""
    found = QUANTITY.fullmatch(text)
    if found is None:
        raise Unusable(f"no quantity: {text!r}")
    number, unit = found.groups()
    if unit and unit[0] in "eE" and len(unit) > 1:
        return Decimal(number) * Decimal(10) ** int(unit[1:])
    return Decimal(number) * SCALES[unit] if unit else Decimal(number)


def duration(text: str) -> DurationType:
    """What Go's time takes for a duration; cel-python by itself also takes days."""
    if not DURATION.fullmatch(text):
        raise Unusable("type conversion error from 'string' to 'google.protobuf.Duration'")
    return DurationType(text)


def compare(one: Decimal, other: Decimal) -> IntType:
    """-1, 0 or 1."""
    return IntType((one > other) - (one < other))


def ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address without a zone; IPv4 in IPv6's clothes is refused."""
    if "%" in text:
        raise Unusable("an address with a zone")
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise Unusable("an IPv4 address written as IPv6")
    return address


@dataclass(frozen=True, slots=True)
class Cidr:
    """A network with the address that it was written with."""

    interface: ipaddress.IPv4Interface | ipaddress.IPv6Interface

    @classmethod
    def parse(cls, text: str) -> "Cidr":
        """Take what Go's netip takes for a prefix."""
        address, slash, length = text.partition("/")
        if not slash or not re.fullmatch(r"0|[1-9][0-9]{0,2}", length):
            raise Unusable(f"no CIDR: {text!r}")
        ip_address(address)
        return cls(ipaddress.ip_interface(text))

    def masked(self) -> "Cidr":
        """The same network without host bits."""
        network = self.interface.network
        return Cidr(ipaddress.ip_interface(f"{network.network_address}/{network.prefixlen}"))

    def contains(self, other: "Cidr | str") -> BoolType:
        """Whether every address of another network is in this one."""
        inner = (other if isinstance(other, Cidr) else Cidr.parse(other)).interface.network
        outer = self.interface.network
        if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
            return BoolType(inner.subnet_of(outer))
        if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
            return BoolType(inner.subnet_of(outer))
        return BoolType(False)


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute http or https URL; brackets of an IPv6 host are gone."""

    host: str
    port: str

    @classmethod
    def parse(cls, text: str) -> "Url":
        """Take what Go's net/url takes for a request."""
        found = URL.fullmatch(text)
        host = HOST.fullmatch(found[2].rpartition("@")[2]) if found else None
        if found is None or host is None or BAD_ESCAPE.search(found[3]):
            raise Unusable(f"no URL: {text!r}")
        if host[1].startswith("["):
            ipaddress.IPv6Address(host[1][1:-1])
        return cls(host[1].strip("[]"), host[2] or "")


def _parses(parse: Any) -> Any:
    def can_be_parsed(text: str) -> BoolType:
        try:
            parse(text)
        except ValueError:
            return BoolType(False)
        return BoolType(True)

    return can_be_parsed


FUNCTIONS: dict[str, Any] = {
    "duration": duration,
    "quantity": quantity,
    "isQuantity": _parses(quantity),
    "compareTo": compare,
    "isIP": _parses(ip_address),
    "cidr": Cidr.parse,
    "isCIDR": _parses(Cidr.parse),
    "containsCIDR": Cidr.contains,
    "prefixLength": lambda cidr: IntType(cidr.interface.network.prefixlen),
    "masked": Cidr.masked,
    "isURL": _parses(Url.parse),
    "url": Url.parse,
    "getHostname": lambda url: StringType(url.host),
    "getPort": lambda url: StringType(url.port),
}


@cache
def _program(rule: str) -> Any:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule), FUNCTIONS)


def holds(rule: str, value: Any) -> bool:
    """Whether a rule is true of `self`, a JSON value whose property names are escaped.

    Raises:
        Unusable: the rule has no verdict for this value; the API server refuses it then.
    """
    try:
        return bool(_program(rule).evaluate({"self": json_to_cel(value)}))
    except (CELEvalError, CELUnsupportedError, ValueError) as error:
        raise Unusable(_in_the_servers_words(str(error))) from error


def _in_the_servers_words(error: str) -> str:
    known = CONVERSION.search(error)
    if known:
        return known[0]
    return "type conversion error from 'string' to 'int'" if OVERFLOW in error else error


def matches(pattern: str, text: str) -> bool:
    """Whether a schema's pattern is found in a text, by the same RE2 as the API server's."""
    return bool(
        _program("self.text.matches(self.pattern)").evaluate({"self": json_to_cel({"text": text, "pattern": pattern})})
    )
