"""The Gateways and AgentBindings as last seen, and which binding belongs to which Gateway.

A Gateway is kept as JSON and parsed at each look, of which there are few: parsed, it takes ten times as much. Bindings
are kept parsed: one Gateway may have a thousand, which each of its looks goes through.

Fed by kopf's events and by lists of our own. kopf misses deletions that happen while it lists again; a list of ours
heals that. An event that is older than what is known is ignored, wherever it comes from.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.common import ObjectMeta, slim
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.errors import InvalidObject
from tenantry_operator.kube.cache import Sweep, version_of
from tenantry_operator.kube.kinds import Key, key_of
from tenantry_operator.reconcile.packed import Packed, json_of, pack

log = logging.getLogger(__name__)

T = TypeVar("T", Gateway, AgentBinding)


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One object: parsed, or why it cannot be."""

    version: int
    """resourceVersion."""
    meta: ObjectMeta
    status: Mapping[str, Any]
    gateway: Key
    """The Gateway that it is, or belongs to."""
    content: "T | InvalidObject | PackedSpec[T]"
    """As it is kept."""

    @property
    def parsed(self) -> T | InvalidObject:
        """The object, or why it cannot be parsed; what is kept as JSON is parsed at each call."""
        return self.content.parse(self.meta, self.status) if isinstance(self.content, PackedSpec) else self.content


@dataclass(frozen=True, slots=True)
class PackedSpec(Generic[T]):
    """A spec that could be parsed, as JSON."""

    json: bytes
    resource: type[T]

    def parse(self, meta: ObjectMeta, status: Mapping[str, Any]) -> T:
        """The object, with the rest of it."""
        return self.resource.of(meta, self.json, status)


class Objects(Generic[T]):
    """The objects of one kind."""

    def __init__(
        self, resource: type[T], gateway_of: Callable[[Mapping[str, Any]], Key], *, packed: bool = False
    ) -> None:
        self._resource: type[T] = resource
        self._gateway_of = gateway_of
        self._packed = packed
        self._entries: dict[Key, Entry[T]] = {}
        self._by_gateway: dict[Key, dict[Key, None]] = {}
        self._listed: dict[str | None, int] = {}
        """resourceVersion of each namespace's last whole list (None: of all): what is older and not in it is gone."""

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter(tuple(self._entries.values()))

    def get(self, key: Key) -> Entry[T] | None:
        """The object of this namespace and name."""
        return self._entries.get(key)

    def of_gateway(self, gateway: Key) -> tuple[Entry[T], ...]:
        """The objects that belong to a Gateway, in the order in which they came."""
        return tuple(self._entries[key] for key in self._by_gateway.get(gateway, ()))

    def put(self, body: Mapping[str, Any], *, listed: bool = False) -> set[Key]:
        """Take an object as seen; ``listed`` if one of our own lists has just shown it.

        Returns the Gateways to look at; none if this is not news.
        """
        key, version = key_of(body), version_of(body)
        old = self._entries.get(key)
        floor = 0 if listed else max(self._listed.get(key[0], 0), self._listed.get(None, 0))
        if version <= (old.version if old else floor):
            return set()
        status = pack(body.get("status"))
        entry = Entry(version, ObjectMeta.parse(body), status, self._gateway_of(body), self._content(body, status))
        self._drop(old)
        self._entries[key] = entry
        self._by_gateway.setdefault(entry.gateway, {})[key] = None
        return {entry.gateway} | ({old.gateway} if old else set())

    def remove(self, key: Key, version: int) -> set[Key]:
        """An object was gone at ``version``. Returns the Gateways to look at."""
        old = self._entries.get(key)
        if old is None or old.version > version:
            return set()
        self._drop(old)
        del self._entries[key]
        return {old.gateway}

    def sweep(self) -> Sweep:
        """Begin a list."""
        return Sweep(self._entries.keys())

    def retain(self, swept: Sweep, version: int, namespace: str | None = None) -> set[Key]:
        """After a whole list at ``version`` (of one namespace, or of all with None): forget what it has not shown.

        Returns the Gateways to look at.
        """
        self._listed[namespace] = max(self._listed.get(namespace, 0), version)
        affected: set[Key] = set()
        for key in swept.gone(self._entries.keys()):
            if namespace in {None, key[0]}:
                affected |= self.remove(key, version)
        return affected

    def remember_status(self, body: Mapping[str, Any]) -> None:
        """Take the answer to our own status write, so that it is not news when the watch brings it."""
        key = key_of(body)
        old = self._entries.get(key)
        if old is None or old.meta.uid != body["metadata"]["uid"] or version_of(body) <= old.version:
            return
        if ObjectMeta.parse(body) != old.meta:
            return  # Somebody has changed it meanwhile: the watch brings that.
        status = pack(body.get("status"))
        content = old.content
        if not isinstance(content, InvalidObject | PackedSpec):
            content = replace(content, status=status)
        self._entries[key] = replace(old, version=version_of(body), status=status, content=content)

    def _content(self, body: Mapping[str, Any], status: Packed) -> T | InvalidObject | PackedSpec[T]:
        try:
            parsed = self._resource.parse({**body, "status": status})
        except InvalidObject as error:
            log.warning("%s %s/%s cannot be used: %s", body.get("kind"), *key_of(body), error)
            return error
        if self._packed:
            return PackedSpec(json_of(body.get("spec") or {}), self._resource)
        slim(parsed.spec)
        return parsed

    def _drop(self, old: Entry[T] | None) -> None:
        if old is None:
            return
        key = old.meta.namespace, old.meta.name
        siblings = self._by_gateway[old.gateway]
        del siblings[key]
        if not siblings:
            del self._by_gateway[old.gateway]


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that users have asked for."""

    gateways: Objects[Gateway]
    bindings: Objects[AgentBinding]

    @classmethod
    def empty(cls) -> "Store":
        """A store that knows nothing yet."""
        return cls(Objects(Gateway, key_of, packed=True), Objects(AgentBinding, _gateway_of_binding))

    def gateway_keys(self) -> set[Key]:
        """Every Gateway that exists or that a binding refers to."""
        return {entry.gateway for entry in self.gateways} | {entry.gateway for entry in self.bindings}


def _gateway_of_binding(body: Mapping[str, Any]) -> Key:
    """The Gateway that a binding names, even where the rest of it cannot be parsed; an empty name if it names none."""
    spec = body.get("spec")
    reference = spec.get("gatewayRef") if isinstance(spec, Mapping) else None
    if not isinstance(reference, Mapping):
        return body["metadata"]["namespace"], ""
    name, namespace = reference.get("name"), reference.get("namespace")
    own: str = body["metadata"]["namespace"]
    return namespace if namespace and isinstance(namespace, str) else own, name if isinstance(name, str) else ""
