"""A short pause between writing a Deployment and telling how it stands.

Its controllers take their first steps one by one within some milliseconds. Told one by one, each would be a status
write, and a new tenant would cost twice as many. What users wait for is told at once: this is only about a Deployment
that nobody has begun to work on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tenantry_operator.conditions.observation import DeploymentView
from tenantry_operator.kube.kinds import Key

PATIENCE = 2.0
"""Seconds: then the status is told whatever the controllers do."""


@dataclass(slots=True)
class Rollouts:
    """Deployments just written."""

    clock: Callable[[], float]
    """Monotonic seconds."""
    _until: dict[Key, float] = field(default_factory=dict)

    def begun(self, gateway: Key) -> None:
        """The Gateway's Deployment was just written."""
        self._until[gateway] = self.clock() + PATIENCE

    def pause(self, gateway: Key, deployment: DeploymentView | None) -> float | None:
        """Seconds to wait, at most, before telling how it stands; None to tell now. Its changes are seen before."""
        until = self._until.get(gateway)
        if until is None:
            return None
        left = until - self.clock()
        if left > 0 and not _at_work(deployment):
            return left
        del self._until[gateway]
        return None

    def forget(self, gateway: Key) -> None:
        """The Gateway is gone."""
        self._until.pop(gateway, None)


def _at_work(deployment: DeploymentView | None) -> bool:
    """Whether the controllers have seen the latest Deployment and made pods for it."""
    if deployment is None:
        return False
    begun = deployment.replicas > 0 or not deployment.wanted
    return begun and deployment.observed_generation >= deployment.generation
