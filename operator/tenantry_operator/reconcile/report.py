"""Writes status where it differs, and posts an Event about what is news in it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.kube.apply import Writer
from tenantry_operator.kube.errors import ApiError, ForbiddenError, InvalidError, NotFoundError
from tenantry_operator.kube.kinds import Key, Kind
from tenantry_operator.kube.projection import digest
from tenantry_operator.reconcile.events import event_manifest, news
from tenantry_operator.reconcile.settling import Settling, is_moving
from tenantry_operator.reconcile.store import Entry, Objects

log = logging.getLogger(__name__)


def rfc3339(now: datetime) -> str:
    """Time as Kubernetes writes it in conditions: UTC, whole seconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(now: datetime) -> str:
    """Time as Kubernetes writes it in Events: UTC, microseconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """A status whose conditions are keyed by type: their order in the list means nothing."""
    plain = dict(status.items())
    return {**plain, "conditions": {one["type"]: one for one in plain.get("conditions") or ()}}


@dataclass(slots=True)
class Reporter:
    """Reports on the objects of one kind."""

    kind: Kind
    objects: Objects[Gateway] | Objects[AgentBinding]
    writer: Writer
    now: Callable[[], datetime]
    new_name: Callable[[], str]
    """A suffix that makes an Event's name unique."""
    settling: Settling
    _written: dict[Key, tuple[str, bytes, bytes]] = field(default_factory=dict)
    """Where the server made something else of it, since others own conditions too: uid, digest of what was written,
    and digest of what it became."""

    def pause(
        self, entry: Entry[Gateway] | Entry[AgentBinding], wanted: Mapping[str, Any], *, alone: bool = False
    ) -> float:
        """Seconds for which a status that passes by should wait; 0 where it is written already, or waited enough.

        ``alone``: not for others of a fleet that starts.
        """
        if not self._differs(entry, wanted):
            return 0.0
        return self.settling.pause((entry.meta.namespace, entry.meta.name), alone=alone)

    async def report(self, entry: Entry[Gateway] | Entry[AgentBinding], wanted: Mapping[str, Any]) -> bool:
        """Write a status unless it is there already, and tell what is news in it. Returns whether it was written.

        Raises:
            ApiError: if the API server refuses the status.
        """
        if not await self._write(entry, wanted):
            return False
        for told in news(entry.status, wanted):
            event = event_manifest(self.kind, entry.meta, told, rfc3339_micro(self.now()), self.new_name())
            try:
                await self.writer.post_event(event)
            except ApiError as error:
                going = isinstance(error, ForbiddenError) and error.namespace_is_terminating
                log.log(logging.DEBUG if going else logging.WARNING, "cannot post an Event: %s", error)
        return True

    def forget(self, key: Key) -> None:
        """Drop what is remembered of an object that is gone."""
        self._written.pop(key, None)
        self.settling.over(key)

    async def _write(self, entry: Entry[Gateway] | Entry[AgentBinding], wanted: Mapping[str, Any]) -> bool:
        key = entry.meta.namespace, entry.meta.name
        self.settling.over(key, moving=is_moving(wanted))
        if not self._differs(entry, wanted):
            return False
        try:
            answer = await self.writer.write_status(self.kind, key, entry.meta.uid, wanted)
        except NotFoundError:
            return False
        except InvalidError as error:
            if "metadata.uid" in error.message:
                return False
            raise
        self.objects.remember_status(answer)
        wrote, made_of_it = digest(canonical(wanted)), digest(canonical(answer.get("status") or {}))
        self._written.pop(key, None)
        if made_of_it != wrote:
            self._written[key] = entry.meta.uid, wrote, made_of_it
        return True

    def _differs(self, entry: Entry[Gateway] | Entry[AgentBinding], wanted: Mapping[str, Any]) -> bool:
        """Whether a status would change the object, as far as is known."""
        wanted_digest, have = digest(canonical(wanted)), digest(canonical(entry.status))
        written = self._written.get((entry.meta.namespace, entry.meta.name))
        return have != wanted_digest and written != (entry.meta.uid, wanted_digest, have)
