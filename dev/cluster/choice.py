"""Which provider serves this machine."""

import os

from dev.cluster.kind import KindProvider, find_engine
from dev.cluster.local import LocalProvider
from dev.cluster.provider import Provider
from dev.errors import DevError


def choose_provider(wanted: str | None = None) -> Provider:
    """Return the provider that CLUSTER (or the argument) names; else kind where a container engine answers, else local.

    Raises:
        DevError: for an unknown name.
    """
    wanted = wanted or os.environ.get("CLUSTER") or ""
    if wanted not in ("", "kind", "local"):
        raise DevError(f"CLUSTER={wanted!r} is neither kind nor local")
    if wanted == "kind" or (not wanted and find_engine() is not None):
        return KindProvider()
    return LocalProvider()
