"""What of the gateway is reached from outside the cluster: its API, and how it stands, but never its metrics."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Path:
    """One path, or everything below it."""

    value: str
    prefix: bool = False


EXPOSED: Final = (Path("/v1", prefix=True), Path("/ws"), Path("/health"), Path("/ready"))
"""Both APIs match a prefix by whole path elements: /v1/chat, but not /v1x."""
