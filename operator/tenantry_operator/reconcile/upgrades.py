"""Rolls a changed default image out: to one Gateway first, then to some at a time, and to no more once one has failed.

Without this, a new default would restart every tenant at once, and a bad one would take every tenant down. Which pods
run with which defaults is read from the Deployments, so that a restarted operator goes on where the last one was.
A Gateway without available pods has nothing to lose: it gets the new defaults at once.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.deployment import is_rolled_out, rollout_has_failed, was_rolled_out
from tenantry_operator.conditions.observation import DeploymentView, PodView
from tenantry_operator.kube.kinds import Key
from tenantry_operator.resources.image import Defaults, image_of

log = logging.getLogger(__name__)


class RolloutObserver(Protocol):
    """Told how many Gateways wait, are being restarted, and have failed."""

    def rollouts(self, waiting: int, rolling: int, failed: int) -> None:
        """The numbers have changed."""
        ...


@dataclass(slots=True)
class Upgrades:
    """Who may be restarted for new defaults now."""

    current: Defaults
    limit: int
    """How many Gateways are restarted at once, after the first has come up."""
    deployments: Callable[[], Iterable[tuple[Key, DeploymentView]]]
    """Every Gateway's Deployment as last seen; asked once, before the first decision."""
    wake: Callable[[Key], None]
    """Told whose turn it is."""
    observer: RolloutObserver | None = None
    _waiting: dict[Key, None] = field(default_factory=dict)
    """In the order in which they came."""
    _rolling: set[Key] = field(default_factory=set)
    _failed: set[Key] = field(default_factory=set)
    _proven: bool = False
    """Whether some Gateway's pods have become available with the current defaults."""
    _seeded: bool = False

    def defaults_for(self, gateway: Gateway, live: DeploymentView | None) -> Defaults:
        """What to render a Gateway with: the current defaults, or until its turn comes those that its pods have."""
        self._seed()
        key, image = gateway.key, gateway.spec.image
        before = Defaults.parse(live.image_defaults) if live else None
        if live is None or before is None or image_of(image, before) == image_of(image, self.current):
            return self._no_longer_waiting(key)
        if key in self._rolling or not live.available:
            return self._no_longer_waiting(key)
        if len(self._rolling) < self._places():
            self._rolling.add(key)
            log.info("giving %s/%s the new default image %s", *key, self.current.image)
            return self._no_longer_waiting(key)
        self._waiting[key] = None
        self._tell()
        return before

    def is_waiting(self, gateway: Key) -> bool:
        """Whether a Gateway waits for its turn."""
        return gateway in self._waiting

    def observe(self, gateway: Key, live: DeploymentView | None, pods: Iterable[PodView]) -> None:
        """Take how a Gateway stands after a look at it; wakes those whose turn has come."""
        if gateway not in self._rolling or live is None or self._begun(live) is None:
            return
        if is_rolled_out(live) or not live.wanted:
            self._proven = self._proven or bool(live.available)
            self.forget(gateway)
            self.wake(gateway)  # Its Deployment must no longer say that it is being restarted.
        elif gateway not in self._failed and rollout_has_failed(live, pods):
            self._failed.add(gateway)
            log.error("%s/%s does not come up with the new default image %s: others wait", *gateway, self.current.image)
            self._tell()

    def forget(self, gateway: Key) -> None:
        """A Gateway is gone, or done."""
        self._waiting.pop(gateway, None)
        self._failed.discard(gateway)
        self._rolling.discard(gateway)
        for key, _ in zip(tuple(self._waiting), range(self._places() - len(self._rolling)), strict=False):
            self.wake(key)
        self._tell()

    def _places(self) -> int:
        if self._failed:
            return 0
        return self.limit if self._proven else 1

    def _no_longer_waiting(self, key: Key) -> Defaults:
        self._waiting.pop(key, None)
        self._tell()
        return replace(self.current, restarting=key in self._rolling)

    def _begun(self, live: DeploymentView) -> Defaults | None:
        """What a Deployment was made from, if those are the current defaults."""
        found = Defaults.parse(live.image_defaults)
        return found if found and replace(found, restarting=False) == self.current else None

    def _seed(self) -> None:
        """Take over what an earlier process of the operator began."""
        if self._seeded:
            return
        self._seeded = True
        for key, live in self.deployments():
            begun = self._begun(live)
            if begun is None:
                continue
            if was_rolled_out(live):
                self._proven = self._proven or live.available > 0
            elif begun.restarting and live.wanted:
                self._rolling.add(key)
                if rollout_has_failed(live, ()):
                    self._failed.add(key)

    def _tell(self) -> None:
        if self.observer is not None:
            self.observer.rollouts(len(self._waiting), len(self._rolling), len(self._failed))
