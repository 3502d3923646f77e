"""Where built things live: outside the checkout, so that a fresh clone on the same machine is fast."""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

KEY_LENGTH = 16
"""Hex digits of a cache key: 64 bits, enough for one machine's builds."""


def cache_root() -> Path:
    """Return `$XDG_CACHE_HOME/tenantry`, by default `~/.cache/tenantry`; it may not exist yet."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "tenantry"


def content_key(parts: Iterable[bytes]) -> str:
    """Digest an ordered sequence of parts; a part's length is hashed too, so that parts never run together."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:KEY_LENGTH]


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Hold a lock on a file, so that two processes never make the same thing at once; blocks until it is free."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
