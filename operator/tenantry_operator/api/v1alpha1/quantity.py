"""Kubernetes quantities: read exactly, written as the API server writes them.

The API server stores ``1024Mi`` as ``1Gi`` and ``1.5Gi`` as ``1536Mi``. What is applied must be written the same way,
or it would look changed at every look. Source: k8s.io/apimachinery/pkg/api/resource, Quantity.CanonicalizeBytes.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_QUANTITY = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<suffix>[EPTGMK]i|[EPTGMkmun]?|[eE][+-]?[0-9]{1,3})"
)
BINARY = {"": 1, **{f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}}
DECIMAL = {"": 1, **{letter: 1000**power for power, letter in enumerate("kMGTPE", 1)}}
UNITS: dict[str, Fraction | int] = {
    **BINARY,
    **DECIMAL,
    **{letter: Fraction(1, 1000**power) for power, letter in enumerate("mun", 1)},
}


@lru_cache(maxsize=1024)
def amount(text: str) -> Fraction:
    """The number that a quantity of the API server's stands for: bytes, or cores.

    Raises:
        ValueError: if it is not a quantity, or negative.
    """
    number, suffix = _parts(text)
    return number * (UNITS[suffix] if suffix in UNITS else Fraction(f"1{suffix}"))


@lru_cache(maxsize=1024)
def canonical(text: str) -> str:
    """A quantity without an exponent as the API server prints it: no fraction, the largest suffix that allows it.

    Raises:
        ValueError: as ``amount``.
    """
    value, binary = amount(text), text.endswith("i")
    if value.denominator != 1:
        thousandths = -(-value * 1000 // 1)  # The API server rounds up, and knows nothing smaller that we accept.
        return canonical(str(thousandths // 1000)) if thousandths % 1000 == 0 else f"{thousandths}m"
    units = BINARY if binary and value >= 1024 else DECIMAL
    suffix, size = max((unit for unit in units.items() if value % unit[1] == 0), key=lambda unit: unit[1])
    return f"{value // size}{suffix}" if value else "0"


def _parts(text: str) -> tuple[Fraction, str]:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a quantity")
    return Fraction(found["number"]), found["suffix"]
