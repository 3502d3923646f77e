"""Holds back a status that the next one is about to replace, so that what starts is told of once and not step by step.

Only what passes by is held, and only for a while: what is decided, good or bad, is told at once.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenantry_operator.conditions.reasons import WANTING
from tenantry_operator.kube.kinds import Key

MANY = 50
"""Where so many objects are on their way at once, a fleet starts."""
FLEET_SECONDS = 120.0
"""A fleet of which nothing has come to its end for so long is stuck: then what waits is told."""
CROWD_PAUSE = 5.0
"""Seconds at least until the next look at news that waits with a fleet's."""
CROWD_LOOKS = 50
"""Of so many a second, for all that waits: they only find out that the wait is over."""
CROWD_SECONDS = 1800.0
"""Longer nothing waits with a fleet: some cluster may never come to rest."""


@dataclass(slots=True)
class Settling:
    """How long each object's news has been waiting."""

    seconds: float
    """So long news waits at most where little is to be done; 0: not at all, ever."""
    clock: Callable[[], float]
    """Monotonic seconds."""
    crowded: Callable[[], bool] = lambda: False
    """Whether many Gateways wait for their objects: objects go before words."""
    _since: dict[Key, float] = field(default_factory=dict)
    """When each object's news began to wait; minus infinity once it has waited long enough."""
    _moving: set[Key] = field(default_factory=set)
    """Objects of which it was told that more is to come."""
    _fleet: bool = False
    """Whether a fleet starts: until it is stuck or all of it has come to its end."""
    _arrived: float = -math.inf
    """When an object last came to its end."""

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._since) + len(self._moving)

    def pause(self, key: Key, *, alone: bool = False) -> float:
        """Seconds for which this object's news should still wait; 0 once it has waited long enough.

        ``alone``: it is not what a fleet's start brings about, so that it waits for no others.
        """
        if not self.seconds:
            return 0.0
        now = self.clock()
        waited = now - self._since.setdefault(key, now)
        if not alone and waited < CROWD_SECONDS and self._fleet_starts(now):
            return max(CROWD_PAUSE, len(self._since) / CROWD_LOOKS)
        left = max(0.0, self.seconds - waited)
        if not left:
            self._since[key] = -math.inf
        return left

    def over(self, key: Key, *, moving: bool = False) -> None:
        """Its news was told, or is none any more; ``moving`` if what is told now says that more is to come."""
        waited = self._since.pop(key, -math.inf) > -math.inf
        if moving:
            self._moving.add(key)
        elif waited or key in self._moving:
            self._moving.discard(key)
            self._arrived = self.clock()

    def sweep(self, is_known: Callable[[Key], bool]) -> None:
        """Forget what is gone without a word."""
        for key in [key for key in self._since if not is_known(key)]:
            del self._since[key]
        self._moving = set(filter(is_known, self._moving))

    def _fleet_starts(self, now: float) -> bool:
        """Whether many are on their way, and objects are made or come to their end: this one's turn will come."""
        if self.crowded():
            self._arrived = now
        on_their_way = max(len(self._since), len(self._moving))
        if on_their_way <= 1 or now - self._arrived >= FLEET_SECONDS:
            self._fleet = False
        elif on_their_way >= MANY:
            self._fleet = True
        return self._fleet or self.crowded()


def is_moving(status: Mapping[str, Any]) -> bool:
    """Whether it says that more is to come, and nothing that somebody must mend."""
    conditions = status.get("conditions") or ()
    said = {one["type"]: one["status"] for one in conditions}
    wanting = any(one.get("reason") in WANTING for one in conditions)
    return said.get("Reconciling") == "True" and said.get("Stalled") != "True" and not wanting


def passes_by(told: Mapping[str, Any], wanted: Mapping[str, Any], *, crowded: bool = False) -> bool:
    """Whether a Gateway's status is but one more step: of the same generation it was said already that it moves.

    While others' objects wait to be made (``crowded``), even the first word is: objects go before words.
    """
    if not told.get("conditions"):
        return crowded and is_moving(wanted)
    same = told.get("observedGeneration") == wanted.get("observedGeneration")
    return same and is_moving(told) and is_moving(wanted)
