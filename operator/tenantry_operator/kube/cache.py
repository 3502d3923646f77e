"""What is kept of the objects that informers watch: small records instead of whole objects.

A record is replaced only by a newer one. Records come from two sides, the watch and the answers to our own writes, and
a watch that lags behind must not undo what an answer has told. resourceVersions of one kind are compared as numbers,
as the API server's own watch cache does.
"""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenantry_operator.kube.kinds import Json, Key, Kind, key_of


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one object."""

    key: Key
    uid: str
    version: int
    """resourceVersion."""
    gateway: str
    """Value of the gateway label; empty if it has none."""
    managed_by: str
    """Value of the managed-by label."""
    owner: tuple[str, str] | None
    """Kind with its group (``apps/ReplicaSet``) and uid of the controlling owner."""
    deleting: bool
    digest: bytes
    """Of the fields that we applied; empty for kinds that we do not apply."""
    view: object = None
    """What the kind's own projection keeps."""

    def same(self, other: "Record | None") -> bool:
        """Whether nothing that is kept differs but the version, so that nobody needs to look."""
        return (
            other is not None
            and self.uid == other.uid
            and self.digest == other.digest
            and self.view == other.view
            and self.owner == other.owner
            and self.deleting == other.deleting
            and self.gateway == other.gateway
            and self.managed_by == other.managed_by
        )


Projector = Callable[[Json], Record | None]
"""Reduces a live object; None for one that is not kept."""
Listener = Callable[[Record | None, Record | None], None]
"""Told of every record that came, changed or went: the old one and the new one, either None."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Names of the labels that records keep."""

    gateway: str
    managed_by: str


def version_of(live: Mapping[str, Any]) -> int:
    """An object's resourceVersion as a number."""
    return int(live["metadata"]["resourceVersion"])


def record_of(live: Mapping[str, Any], names: Labels, digest: bytes = b"", view: object = None) -> Record:
    """The record of a live object (whole, or its metadata alone)."""
    meta = live["metadata"]
    labels = meta.get("labels") or {}
    owner = next((ref for ref in meta.get("ownerReferences") or () if ref.get("controller")), None)
    return Record(
        key=key_of(live),
        uid=meta["uid"],
        version=version_of(live),
        gateway=sys.intern(labels.get(names.gateway, "")),
        managed_by=sys.intern(labels.get(names.managed_by, "")),
        owner=(_group_kind(owner), sys.intern(owner["uid"])) if owner else None,
        deleting=bool(meta.get("deletionTimestamp")),
        digest=digest,
        view=view,
    )


def _group_kind(reference: Mapping[str, Any]) -> str:
    group = reference["apiVersion"].rpartition("/")[0]
    return sys.intern(f"{group}/{reference['kind']}" if group else reference["kind"])


class Sweep:
    """Tells after a list what it has not shown, and keeps no key of what was known before.

    A set of all keys that were shown would be thousands of small things between others that stay, each half hour anew.
    """

    def __init__(self, known: Collection[Key]) -> None:
        """``known`` are the keys before the list."""
        self._before = frozenset(known)
        self._unseen = set(known)
        self._new: set[Key] = set()

    def see(self, key: Key) -> None:
        """The list has shown an object."""
        if key in self._before:
            self._unseen.discard(key)
        else:
            self._new.add(key)

    def gone(self, known: Collection[Key]) -> set[Key]:
        """Which of the keys that are known after the list it has not shown."""
        return {key for key in known if key in self._unseen or not (key in self._before or key in self._new)}


class Cache:
    """Records of one kind, by key and by Gateway."""

    def __init__(self, kind: Kind, project: Projector, changed: Listener) -> None:
        self.kind = kind
        self.project = project
        self._changed = changed
        self._records: dict[Key, Record] = {}
        self._by_gateway: dict[Key, str | dict[str, None]] = {}
        """Names; of most kinds a Gateway has one object, for which a dict would take 232 bytes."""

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._records.values()))

    def get(self, key: Key) -> Record | None:
        """The record of an object, or None."""
        return self._records.get(key)

    def of_gateway(self, gateway: Key) -> Iterator[Record]:
        """Records whose label names this Gateway, in the order in which they came."""
        names = self._by_gateway.get(gateway, {})
        for name in (names,) if isinstance(names, str) else tuple(names):
            yield self._records[gateway[0], name]

    def put(self, live: Json, *, quiet: bool = False) -> Record | None:
        """Keep a live object; ``quiet`` for an answer to our own request. Returns its record if it is kept."""
        record = self.project(live)
        if record is None:
            self.remove(key_of(live), version_of(live))
            return None
        old = self._records.get(record.key)
        if old is not None and old.version >= record.version:
            return old
        self._unindex(old)
        self._records[record.key] = record
        if record.gateway:
            self._index((record.key[0], record.gateway), record.key[1])
        if not quiet and not record.same(old):
            self._changed(old, record)
        return record

    def remove(self, key: Key, version: int) -> None:
        """Forget an object that was gone at ``version``, unless it is known to have come back since."""
        old = self._records.get(key)
        if old is None or old.version > version:
            return
        self._unindex(old)
        del self._records[key]
        self._changed(old, None)

    def deleted(self, live: Json) -> None:
        """Take a watch's DELETED event; told on even if nothing was kept of the object."""
        key, version = key_of(live), version_of(live)
        if key in self._records:
            self.remove(key, version)
        elif (record := self.project(live)) is not None:
            self._changed(record, None)

    def sweep(self) -> Sweep:
        """Begin a list."""
        return Sweep(self._records.keys())

    def retain(self, swept: Sweep, version: int, namespace: str | None = None) -> None:
        """After a whole list at ``version`` (of one namespace, or of all with None): forget what it has not shown."""
        for key in swept.gone(self._records.keys()):
            if namespace in {None, key[0]}:
                self.remove(key, version)

    def _index(self, gateway: Key, name: str) -> None:
        names = self._by_gateway.get(gateway)
        if names is None:
            self._by_gateway[gateway] = name
        elif isinstance(names, str):
            self._by_gateway[gateway] = {names: None, name: None}
        else:
            names[name] = None

    def _unindex(self, old: Record | None) -> None:
        if old is None or not old.gateway:
            return
        gateway = old.key[0], old.gateway
        names = self._by_gateway[gateway]
        if isinstance(names, dict):
            del names[old.key[1]]
            if names:
                return
        del self._by_gateway[gateway]
