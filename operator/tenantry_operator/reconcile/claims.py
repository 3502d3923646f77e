"""Keeps a Gateway's PersistentVolumeClaim, without ever asking for what a claim cannot follow.

Of an existing claim, one that an earlier Gateway of the same name left behind for instance, only labels, owner and size
can change, and the size can only grow. Growing is a step of its own: the API server may refuse it, and that must not
keep anything else from being done. Claims are never deleted here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.observation import ClaimView, Problem, StorageClassView
from tenantry_operator.conditions.storage import expandable
from tenantry_operator.kube.apply import Writer
from tenantry_operator.kube.cache import Cache, Record
from tenantry_operator.kube.errors import ForbiddenError, InvalidError
from tenantry_operator.kube.kinds import key_of
from tenantry_operator.kube.ownership import Owner, Ownership
from tenantry_operator.resources.persistent_volume_claim import fitted, requested_size

NOT_EXPANDABLE = "must support resize"
"""What the API server says where the StorageClass does not let volumes grow (admission plugin
PersistentVolumeClaimResize)."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Does it."""

    writer: Writer
    cache: Cache
    classes: Callable[[], Mapping[str, StorageClassView] | None]
    """The StorageClasses by name, None where they cannot be seen."""

    async def keep(self, manifest: Mapping[str, Any], owner: Owner) -> bool:
        """Make the claim, or keep the one that is there. Returns whether a request was needed.

        A claim of ours that somebody is deleting stays until no pod uses it: that keeps nothing else waiting.

        Raises:
            ChildError, ApiError: as ``Writer.apply``.
        """
        record = self.cache.get(key_of(manifest))
        if record is not None and record.deleting and owner.owns(record) is Ownership.OURS:
            return False
        return await self.writer.apply(manifest, owner, _as_large_as_it_is)

    async def grow(self, manifest: Mapping[str, Any], owner: Owner) -> Problem | None:
        """Ask for a larger volume, if one is wanted and can be had. Returns why the API server refused.

        Raises:
            ApiError: what is not about the volume.
        """
        size, record = requested_size(manifest), self.cache.get(key_of(manifest))
        view = record.view if record is not None else None
        if not isinstance(view, ClaimView) or view.deleting or view.phase != "Bound" or not view.lacks(size):
            return None
        if not expandable(view, self.classes()):
            return None
        try:
            await self.writer.apply(manifest, owner, partial(_of_size, size))
        except ForbiddenError as error:
            if error.permission is not None or error.namespace_is_terminating:
                raise
            reason = reasons.VOLUME_NOT_EXPANDABLE if NOT_EXPANDABLE in error.message else None
            return Problem(reason or reasons.VOLUME_GROWTH_REFUSED, error.message)
        except InvalidError as error:
            return Problem(reasons.VOLUME_GROWTH_REFUSED, error.message)
        return None


def _as_large_as_it_is(manifest: Mapping[str, Any], live: Record) -> Mapping[str, Any]:
    if not isinstance(live.view, ClaimView):
        return manifest
    return _of_size(live.view.without_growth(requested_size(manifest)), manifest, live)


def _of_size(size: str, manifest: Mapping[str, Any], live: Record) -> Mapping[str, Any]:
    applied = live.view.applied if isinstance(live.view, ClaimView) else {}
    return fitted(manifest, applied, size)
