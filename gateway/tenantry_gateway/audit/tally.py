"""Refusals, counted: whoever knocks a thousand times a second fills no disk with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from tenantry_gateway.audit.event import AuditEvent

FLUSH_SECONDS: Final = 5.0
"""How often what was counted goes to the audit log: a crash loses at most the refusals of so many seconds."""
_MAX_KINDS: Final = 256


class Tally:
    """Events that differ in nothing become one with a count; beyond 256 kinds they lose who it was."""

    def __init__(self) -> None:
        self._counts: Counter[AuditEvent] = Counter()

    def add(self, event: AuditEvent) -> None:
        """Count an event."""
        if event not in self._counts and len(self._counts) >= _MAX_KINDS:
            event = AuditEvent(event.type, event.outcome, reason=event.reason)
        self._counts[event] += 1

    def take(self) -> list[AuditEvent]:
        """What was counted since the last time."""
        events = [replace(event, count=count) for event, count in self._counts.items()]
        self._counts.clear()
        return events
