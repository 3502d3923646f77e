"""Deletes what a Gateway owns and no longer wants."""

import logging
from collections.abc import Collection, Iterable

from tenantry_operator.kube.apply import Writer
from tenantry_operator.kube.cache import Cache, Record
from tenantry_operator.kube.kinds import Key, Kind
from tenantry_operator.kube.ownership import Owner

log = logging.getLogger(__name__)


def surplus(
    caches: Iterable[Cache], gateway: Key, owner: Owner, wanted: Collection[tuple[Kind, str]]
) -> tuple[tuple[Kind, Record], ...]:
    """Objects that this very Gateway controls and that are not wanted: kind and record of each.

    Only a controller reference with the Gateway's uid counts here, labels alone do not: what somebody may have copied
    from us is never deleted.
    """
    return tuple(
        (cache.kind, record)
        for cache in caches
        for record in cache.of_gateway(gateway)
        if record.owner == (owner.kind, owner.uid) and not record.deleting and (cache.kind, record.key[1]) not in wanted
    )


async def prune(writer: Writer, unwanted: Iterable[tuple[Kind, Record]]) -> int:
    """Delete; returns how many.

    Raises:
        ApiError: if the API server refuses.
    """
    count = 0
    for kind, record in unwanted:
        log.info("deleting %s %s: the Gateway no longer wants it", kind.name, record.key[1])
        await writer.delete(kind, record)
        count += 1
    return count
