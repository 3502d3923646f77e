"""What one running stand-in remembers: the requests that arrived, failures already given, cached prompts."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import string
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dev.anthropic_standin.controls import Failure
from dev.anthropic_standin.usage import PromptCache

KEPT_REQUESTS = 1000
KEPT_BODY_BYTES = 256 * 1024
SECRET_HEADERS = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})
_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """Return a fresh id in the API's style, such as ``msg_01…``."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(22))


@dataclass(slots=True)
class State:
    """All that a stand-in remembers; `reset` makes it as new."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """How delays on request are waited for, in seconds."""
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_REQUESTS))
    failures: Counter[str] = field(default_factory=Counter)
    cache: PromptCache = field(init=False)

    def __post_init__(self) -> None:
        """Give the cache the same clock."""
        self.cache = PromptCache(self.clock)

    def reset(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.failures.clear()
        self.cache.clear()

    def record(self, method: str, path: str, headers: Mapping[str, str], body: bytes, request_id: str) -> None:
        """Remember a request, without its credential."""
        self.requests.append(
            {
                "method": method,
                "path": path,
                "headers": {
                    name.lower(): value for name, value in headers.items() if name.lower() not in SECRET_HEADERS
                },
                "body": _readable(body),
                "request_id": request_id,
            }
        )

    def is_due(self, failure: Failure, text: str) -> bool:
        """Tell whether a failure is to be given to this text, and count it."""
        key = hashlib.sha256(text.encode()).hexdigest()
        self.failures[key] += 1
        return failure.times is None or self.failures[key] <= failure.times


def _readable(body: bytes) -> Any:
    """Return a body as JSON where it is that, else as text; a huge one only by its size."""
    if len(body) > KEPT_BODY_BYTES:
        return f"({len(body)} bytes)"
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
