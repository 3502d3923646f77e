"""What was asked of the API server, from its audit log, read piece by piece."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was answered."""

    at: float
    """When it was answered, in seconds since 1970."""
    user: str
    agent: str
    """The client's user agent, which names the replica."""
    verb: str
    """As in RBAC: ``patch`` also for server-side apply."""
    resource: str
    """Plural, with its subresource: ``gateways/status``."""
    key: tuple[str, str]
    code: int
    uri: str

    @property
    def writes(self) -> bool:
        """Whether it may have changed something."""
        return self.verb in WRITES


class AuditLog:
    """Reads what is new in an audit log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def skip(self) -> None:
        """Forget what is there already."""
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def read(self) -> list[Request]:
        """Requests answered since the last call; a line half written waits for the next."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as log:
            log.seek(self._offset)
            data = log.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [parse(orjson.loads(line)) for line in whole.splitlines()]


def parse(event: dict[str, Any]) -> Request:
    """Make a request from an event of the audit log."""
    target = event.get("objectRef") or {}
    resource = "/".join(filter(None, (target.get("resource", ""), target.get("subresource", ""))))
    return Request(
        at=datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
        user=event["user"]["username"],
        agent=event.get("userAgent", ""),
        verb=event["verb"],
        resource=resource,
        key=(target.get("namespace", ""), target.get("name", "")),
        code=(event.get("responseStatus") or {}).get("code", 0),
        uri=event["requestURI"],
    )


def writes_per_object(requests: Iterable[Request], lease: str = "leases") -> dict[str, dict[str, int]]:
    """How many objects of each resource were written once, twice …: ``{"configmaps": {"1": 200}}``."""
    each = Counter((one.resource, one.key) for one in requests if one.writes and one.resource != lease)
    found: dict[str, dict[str, int]] = {}
    for (resource, _), times in sorted(each.items()):
        histogram = found.setdefault(resource, {})
        histogram[str(times)] = histogram.get(str(times), 0) + 1
    return found


def by_kind(requests: Iterable[Request], verbs: Collection[str] | None = None) -> dict[str, int]:
    """Number of requests by verb and resource: ``{"patch configmaps": 200}``."""
    counted = Counter(f"{one.verb} {one.resource}" for one in requests if verbs is None or one.verb in verbs)
    return dict(sorted(counted.items()))
