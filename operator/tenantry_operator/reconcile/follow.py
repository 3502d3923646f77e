"""Lets pods and token follow what has changed, while everything runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.observation import Problem
from tenantry_operator.kube.secrets import KnownSecret
from tenantry_operator.reconcile.converge import Converger, Setbacks, owner_of
from tenantry_operator.reconcile.pods import Pods
from tenantry_operator.reconcile.refresh import Stamp, Wanted
from tenantry_operator.reconcile.tokens import Tokens, staged_version, token_of
from tenantry_operator.resources.desired import Desired


@dataclass(frozen=True, slots=True)
class Follower:
    """Does it."""

    converger: Converger
    pods: Pods
    tokens: Tokens

    async def follow(
        self, gateway: Gateway, wanted: Desired | None, secrets: dict[str, KnownSecret], setbacks: Setbacks
    ) -> tuple[dict[str, KnownSecret], float | None]:
        """Refresh pods, take the step of a rotation that is due, and refresh them again if it changed the Secret.

        Pods come first, since the step depends on what they say. A rotation waits for no other trouble to end: pods
        then follow by themselves, and no token is accepted for longer than was said.

        Returns:
            The Secrets as they are then, and in how many seconds something is due.
        """
        due: list[float | None] = []
        with setbacks.caught():
            due.append(await self._refresh(gateway, wanted, secrets, setbacks.problem))
        with setbacks.caught():
            known = secrets.get(gateway.token_secret_name)
            progress = await self.tokens.rotate(gateway, owner_of(gateway), known)
            due.append(progress.after)
            if progress.changed:
                secrets = await self.converger.read_secrets(gateway, setbacks)
                due.append(await self._refresh(gateway, wanted, secrets, setbacks.problem))
        return secrets, min((seconds for seconds in due if seconds is not None), default=None)

    async def _refresh(
        self, gateway: Gateway, wanted: Desired | None, secrets: Mapping[str, KnownSecret], problem: Problem | None
    ) -> float | None:
        if wanted is None or problem is not None:
            return None
        files = {use.name for use in gateway.secrets}
        versions = ((name, known.version) for name, known in secrets.items() if name in files)
        stamp = Stamp.of(wanted.config_hash, versions)
        token = token_of(gateway, secrets.get(gateway.token_secret_name))
        return await self.pods.refresh(gateway, Wanted(stamp, wanted.config_hash, staged_version(token)))
