"""The only module that writes to the API.

Server-side apply under one field manager, forced for our fields, and only where it would change something: an apply
that changes nothing costs the API server as much as one that does. What the server made of an apply is remembered, so
that a value which it writes differently does not look like somebody's edit for ever.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tenantry_operator.errors import TenantryError
from tenantry_operator.kube.cache import Cache, Record
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import AlreadyExistsError, ApiError, ConflictError, InvalidError, NotFoundError
from tenantry_operator.kube.fights import Fights
from tenantry_operator.kube.kinds import EVENT, POD, SECRET, Json, Key, Kind, key_of, kind_of
from tenantry_operator.kube.ownership import Owner, Ownership
from tenantry_operator.kube.projection import manifest_digest
from tenantry_operator.kube.secrets import Secrets
from tenantry_operator.metrics import Metrics

log = logging.getLogger(__name__)

Fit = Callable[[Mapping[str, Any], Record], Mapping[str, Any]]
"""Turns the manifest for a new object into what can be applied to one that exists: some fields are immutable."""


def as_it_is(manifest: Mapping[str, Any], live: Record) -> Mapping[str, Any]:  # noqa: ARG001 - a Fit
    """Applies the same to what exists as to what is new."""
    return manifest


class ChildError(TenantryError):
    """An object of a tenant cannot be applied as things stand."""

    def __init__(self, kind: Kind, key: Key, message: str) -> None:
        super().__init__(f"{kind.name} {key[0]}/{key[1]} {message}")
        self.kind = kind
        self.key = key


class NameTaken(ChildError):
    """An object of that name exists and is not ours."""


class NotYetGone(ChildError):
    """The object of an earlier Gateway of the same name is still being removed; its deletion will be seen."""


class ChangedUnderneath(ChildError):
    """Somebody replaced or removed the object between our look and our write: look again."""


@dataclass(frozen=True, slots=True)
class _Applied:
    """What was applied to which object, and the digest of what the server made of it."""

    uid: str
    wanted: bytes
    live: bytes


class Writer:
    """Writes, for all tenants."""

    def __init__(
        self, client: Client, caches: Mapping[Kind, Cache], secrets: Secrets, metrics: Metrics, fights: Fights
    ) -> None:
        self.fights = fights
        self._client = client
        self._caches = caches
        self._secrets = secrets
        self._metrics = metrics
        self._applied: dict[Key, dict[tuple[Kind, str], _Applied]] = {}

    async def apply(self, manifest: Mapping[str, Any], owner: Owner, fit: Fit = as_it_is) -> bool:
        """Make one object of a tenant as the manifest says. Returns whether it was written.

        Where the object exists, ``fit`` has the last word on what is applied to it. What somebody changes again and
        again is left as it is for a while: see ``fights``.

        Raises:
            ChildError: NameTaken, NotYetGone or ChangedUnderneath.
            ApiError: what else the API server refuses.
        """
        kind, key = kind_of(manifest), key_of(manifest)
        memory = self._applied.setdefault((key[0], owner.name), {})
        before = memory.get((kind, key[1]))
        live = self._caches[kind].get(key)
        if live is not None:
            check_owner(kind, live, owner)
            manifest = fit(manifest, live)
        wanted = manifest_digest(manifest)
        if live is not None and (wanted == live.digest or before == _Applied(live.uid, wanted, live.digest)):
            return False
        drifted = before is not None and before.wanted == wanted
        if drifted and self.fights.wait((key[0], owner.name), (kind, key[1])):
            return False
        if drifted and self.fights.begins((key[0], owner.name), (kind, key[1])):
            await self._name_opponent((key[0], owner.name), kind, manifest)
        answer = await (self._update(kind, manifest, live.uid) if live else self._create(kind, manifest, owner, fit))
        if drifted:
            log.info("put right %s %s: somebody had changed or deleted it", kind.name, key[1])
            self._metrics.drift_corrections.labels(kind.name).inc()
            self.fights.corrected((key[0], owner.name), (kind, key[1]))
        kept = self._caches[kind].put(answer, quiet=True)
        if kept is not None:
            same = kept.digest == wanted
            memory[kind, key[1]] = _Applied(kept.uid, kept.digest if same else wanted, kept.digest)
        return True

    async def create_secret(self, manifest: Mapping[str, Any], owner: Owner) -> None:
        """Create a Secret with generated content, unless one of its name exists: then that one counts.

        Raises:
            ChildError: if the one that exists is not ours.
        """
        key = key_of(manifest)
        try:
            answer = await self._client.create(SECRET, manifest)
        except AlreadyExistsError:
            try:
                answer = await self._client.get(SECRET, *key)
            except NotFoundError as error:
                raise ChangedUnderneath(SECRET, key, "was deleted while it was read") from error
        known = self._secrets.learn(answer)
        if known.record is not None:
            check_owner(SECRET, known.record, owner)

    async def change_secret(self, key: Key, version: int, owner: Owner, change: Callable[[Json], Json]) -> None:
        """Change a Secret of ours, if it still is what was decided upon: of two that do so, one does.

        Args:
            key: of the Secret.
            version: the resourceVersion that the decision is about.
            owner: whose it must be; another's Secret is never changed.
            change: makes a merge patch from the live Secret, whose values are dropped when this returns.

        Raises:
            ChildError: ChangedUnderneath if it is no longer what it was; NameTaken or NotYetGone if it is not ours.
            ApiError: what else the API server refuses. It never quotes values.
        """
        try:
            live = await self._client.get(SECRET, *key)
            known = self._secrets.learn(live)
            if known.record is None or known.version != version:
                raise ChangedUnderneath(SECRET, key, "was changed before it could be")
            check_owner(SECRET, known.record, owner)
            patch = change(live)
            guarded = {**patch.get("metadata", {}), "resourceVersion": live["metadata"]["resourceVersion"]}
            answer = await self._client.merge_patch(SECRET, *key, {**patch, "metadata": guarded})
        except (NotFoundError, ConflictError) as error:
            self._secrets.doubt(key)
            raise ChangedUnderneath(SECRET, key, "was changed or deleted before it could be changed") from error
        self._secrets.learn(answer)

    async def delete(self, kind: Kind, record: Record) -> None:
        """Delete an object that is no longer wanted; one that is gone already, or replaced, is left alone."""
        try:
            await self._client.delete(kind, *record.key, record.uid)
        except (NotFoundError, ConflictError):
            log.debug("%s %s was deleted by somebody else", kind.name, record.key)

    async def touch_pod(self, key: Key, annotation: str, value: str) -> None:
        """Change an annotation of a live pod, upon which its kubelet refreshes the pod's volumes at once."""
        patch = {"metadata": {"annotations": {annotation: value}}}
        try:
            answer = await self._client.merge_patch(POD, *key, patch)
        except NotFoundError:
            return
        self._caches[POD].put(answer, quiet=True)

    async def write_status(self, kind: Kind, key: Key, uid: str, status: Mapping[str, Any]) -> Json:
        """Replace the status of one of our own resources. Returns the object as stored.

        Raises:
            NotFoundError: if it is gone.
            InvalidError: if the status does not fit the schema, or another object has the name now.
        """
        manifest = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": {"namespace": key[0], "name": key[1], "uid": uid},
            "status": dict(status),
        }
        return await self._client.apply(kind, manifest, subresource="status")

    async def post_event(self, event: Mapping[str, Any]) -> None:
        """Post a Kubernetes Event. One of that name is this very one: it was posted, and the answer was lost."""
        with suppress(AlreadyExistsError):
            await self._client.create(EVENT, event)

    def forget(self, gateway: Key) -> None:
        """Drop what is remembered of a tenant that is gone."""
        self._applied.pop(gateway, None)
        self.fights.forget(gateway)

    async def _name_opponent(self, gateway: Key, kind: Kind, manifest: Mapping[str, Any]) -> None:
        """Ask the API server who has fields of ours now, once in a fight."""
        try:
            await self._client.apply(kind, manifest, trial=True)
        except ConflictError as error:
            self.fights.name(gateway, (kind, key_of(manifest)[1]), error.message)
        except ApiError as error:
            log.debug("cannot tell who changes %s %s: %s", kind.name, key_of(manifest)[1], error)

    async def _create(self, kind: Kind, manifest: Mapping[str, Any], owner: Owner, fit: Fit) -> Json:
        """Create by apply; an object that only our informer cannot see (it lost its labels) is put right."""
        key = key_of(manifest)
        try:
            return await self._client.apply(kind, manifest, create_only=True)
        except ConflictError:
            pass
        try:
            live = await self._client.get(kind, *key)
        except NotFoundError as error:
            raise ChangedUnderneath(kind, key, "was deleted while it was applied") from error
        record = self._caches[kind].project(live)
        if record is None:
            raise ChangedUnderneath(kind, key, "cannot be read")
        check_owner(kind, record, owner)
        return await self._update(kind, fit(manifest, record), record.uid)

    async def _update(self, kind: Kind, manifest: Mapping[str, Any], uid: str) -> Json:
        try:
            return await self._client.apply(kind, manifest, uid=uid)
        except ConflictError as error:
            raise ChangedUnderneath(kind, key_of(manifest), "was deleted or changed while it was applied") from error
        except InvalidError as error:
            if "metadata.uid" in error.message:
                raise ChangedUnderneath(kind, key_of(manifest), "was replaced while it was applied") from error
            raise


def check_owner(kind: Kind, record: Record, owner: Owner) -> None:
    """Pass only what belongs to ``owner`` and is there to stay.

    Raises:
        NameTaken, NotYetGone: otherwise.
    """
    match owner.owns(record):
        case Ownership.FOREIGN:
            holder = f"belongs to {record.owner[0]}" if record.owner else "was not made by this operator"
            raise NameTaken(kind, record.key, holder)
        case Ownership.PREVIOUS:
            raise NotYetGone(kind, record.key, "of an earlier Gateway of this name is still being removed")
        case Ownership.OURS if record.deleting:
            raise NotYetGone(kind, record.key, "is being deleted")
        case Ownership.OURS:
            return
