"""What a gateway does besides answering requests."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from tenantry_gateway.audit.event import AuditEvent
from tenantry_gateway.audit.tally import FLUSH_SECONDS
from tenantry_gateway.errors import StorageFailed
from tenantry_gateway.state import GatewayState

logger = logging.getLogger(__name__)

MEND_SECONDS: Final = 1.0
SCRATCH: Final = ".scratch"
"""Is written and removed to see whether there is room."""


async def tell_refusals(state: GatewayState) -> None:
    """Pass counted refusals on to the audit log, until cancelled."""
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        events = state.tally.take()
        if events:
            state.directory.writer.note(*events)


async def mend(state: GatewayState) -> None:
    """While nothing can be written, and so nothing is answered, try again and again, until cancelled."""
    writer = state.directory.writer
    while True:
        await asyncio.sleep(MEND_SECONDS)
        if writer.problem is not None:
            try:
                event = AuditEvent("gateway.storage", "success", reason="writable_again")
                await writer.try_again((event,), state.directory.path / SCRATCH)
            except StorageFailed:
                continue
