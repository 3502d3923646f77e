"""Somebody who changes one of our objects again and again: whom we answer ever more slowly.

Two managers that each force their own value on a field would write as fast as the API server takes it. The first few
corrections are made at once, as for anybody who edits by mistake; then each waits twice as long as the one before. When
the object has been left alone for long enough, all is forgotten. Pure: the clock is an argument.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tenantry_operator.kube.kinds import Key, Kind

AT_ONCE = 4
"""Corrections without a pause."""
FIRST_PAUSE = 1.0
MAX_PAUSE = 300.0
PEACE = 10.0
"""Seconds without a correction until a fight is over; at least twice its last pause."""

Child = tuple[Kind, str]
"""An object of a Gateway: kind and name."""


@dataclass(slots=True)
class Fight:
    """What has become of one object so far."""

    corrections: int = 0
    last: float = 0.0
    """When it was last put right."""
    opponent: str = ""
    """Who changes which fields, as far as is known."""

    @property
    def pause(self) -> float:
        """Seconds between the last correction and the next."""
        if self.corrections < AT_ONCE:
            return 0.0
        return min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** min(self.corrections - AT_ONCE, 16))

    @property
    def on(self) -> bool:
        """Whether it is more than a mistake."""
        return self.corrections >= AT_ONCE

    @property
    def peace(self) -> float:
        """When it is over, if nothing happens."""
        return self.last + max(PEACE, 2 * self.pause)


@dataclass(slots=True)
class Fights:
    """Of all Gateways."""

    clock: Callable[[], float]
    """Monotonic seconds."""
    _fights: dict[Key, dict[Child, Fight]] = field(default_factory=dict)

    def wait(self, gateway: Key, child: Child) -> float:
        """Seconds until a changed object may be put right; 0 for now."""
        fight = self._of(gateway).get(child)
        return 0.0 if fight is None else max(0.0, fight.last + fight.pause - self.clock())

    def begins(self, gateway: Key, child: Child) -> bool:
        """Whether the next correction makes it a fight."""
        fight = self._of(gateway).get(child)
        return fight is not None and fight.corrections == AT_ONCE - 1

    def name(self, gateway: Key, child: Child, opponent: str) -> None:
        """Remember who changes the object."""
        self._fights[gateway][child].opponent = opponent

    def corrected(self, gateway: Key, child: Child) -> None:
        """An object that somebody had changed was put right."""
        fight = self._fights.setdefault(gateway, {}).setdefault(child, Fight())
        fight.corrections += 1
        fight.last = self.clock()

    def going_on(self, gateway: Key) -> Iterator[tuple[Child, Fight]]:
        """A Gateway's fights, in the order in which they began."""
        return ((child, fight) for child, fight in self._of(gateway).items() if fight.on)

    def next_look(self, gateway: Key) -> float | None:
        """Seconds until something is due: a correction, or the end of a fight; None if there is no fight."""
        now = self.clock()
        due = [
            fight.last + fight.pause if fight.last + fight.pause > now else fight.peace
            for _, fight in self.going_on(gateway)
        ]
        return max(0.0, min(due) - now) if due else None

    def forget(self, gateway: Key) -> None:
        """A Gateway is gone."""
        self._fights.pop(gateway, None)

    def _of(self, gateway: Key) -> dict[Child, Fight]:
        """A Gateway's objects that were put right lately; those left alone since are forgotten."""
        fights, now = self._fights.get(gateway, {}), self.clock()
        for child in [child for child, fight in fights.items() if fight.peace <= now]:
            del fights[child]
        if not fights:
            self._fights.pop(gateway, None)
        return fights
