"""A short pause between a change of a Deployment and telling how it stands.

Its controllers take their first steps one by one within some milliseconds. Told one by one, each would be a status
write, and a new tenant would cost twice as many. Nor is a Gateway to look unready for a moment because somebody
annotates its Deployment, which counts as a change of it. What users wait for is told at once: this is only about a
Deployment that nobody has begun to work on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tenantry_operator.conditions.observation import DeploymentView
from tenantry_operator.kube.kinds import Key

PATIENCE = 2.0
"""Seconds: then the status is told whatever the controllers do."""


@dataclass(slots=True)
class Rollouts:
    """Deployments just changed."""

    clock: Callable[[], float]
    """Monotonic seconds."""
    _until: dict[Key, float] = field(default_factory=dict)

    def begun(self, gateway: Key) -> None:
        """The Gateway's Deployment was just written."""
        self._until[gateway] = self.clock() + PATIENCE

    def pause(self, gateway: Key, deployment: DeploymentView | None) -> float | None:
        """Seconds to wait, at most, before telling how it stands; None to tell now. Its changes are seen before."""
        unseen = deployment is not None and not _is_seen(deployment)
        if unseen and gateway not in self._until:
            self.begun(gateway)
        until = self._until.get(gateway)
        if until is None:
            return None
        left = until - self.clock()
        if left > 0 and not _at_work(deployment):
            return left
        if not unseen:  # Else it would begin anew with each look, where nobody is there to work on it.
            del self._until[gateway]
        return None

    def forget(self, gateway: Key) -> None:
        """The Gateway is gone."""
        self._until.pop(gateway, None)


def _at_work(deployment: DeploymentView | None) -> bool:
    """Whether the controllers have seen the latest Deployment and made pods for it."""
    if deployment is None:
        return False
    return _is_seen(deployment) and (deployment.replicas > 0 or not deployment.wanted)


def _is_seen(deployment: DeploymentView) -> bool:
    return deployment.observed_generation >= deployment.generation
