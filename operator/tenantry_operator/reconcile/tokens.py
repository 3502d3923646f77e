"""Rotates generated tokens: takes the step that is due, if one is."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.observation import TokenView
from tenantry_operator.kube.apply import Writer
from tenantry_operator.kube.kinds import Key
from tenantry_operator.kube.ownership import Owner
from tenantry_operator.kube.secrets import KnownSecret
from tenantry_operator.reconcile.pods import Pods
from tenantry_operator.reconcile.rotation import Act, Asked, Step, Stopwatches, next_step
from tenantry_operator.resources import secret
from tenantry_operator.resources.manifest import Manifest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """What came of a look at a token."""

    changed: bool = False
    """Whether the Secret was written."""
    after: float | None = None
    """Seconds after which something is due."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The generated tokens of all Gateways."""

    writer: Writer
    pods: Pods
    stopwatches: Stopwatches
    new_token: Callable[[], str]
    new_version: Callable[[], str]
    now: Callable[[], datetime]

    def forget(self, gateway: Key) -> None:
        """Drop what is remembered of a Gateway that is gone."""
        self.stopwatches.forget(gateway)

    async def rotate(self, gateway: Gateway, owner: Owner, known: KnownSecret | None) -> Progress:
        """Take the step that is due for a Gateway's token, if it is a generated one.

        Raises:
            ChildError: if the Secret is not ours, or was changed meanwhile.
            ApiError: what else the API server refuses.
        """
        token = token_of(gateway, known)
        if token is None or known is None:
            self.stopwatches.forget(gateway.key)
            return Progress()
        asked = Asked.of(gateway)
        waiting_for = self.pods.without_token(gateway, token.version) if token.phase == "Staged" else ()
        step = next_step(token, asked, self.stopwatches.lasted(gateway.key, token), waiting_for)
        if step.act is Act.NOTHING:
            return Progress(after=step.after)
        name = gateway.token_secret_name
        change = partial(self._patch, step, token, asked)
        await self.writer.change_secret((gateway.meta.namespace, name), known.version, owner, change)
        log.info("Secret %s: %s", name, step.act.value)
        if step.unconfirmed:
            log.warning("Secret %s: pods have not confirmed the new token: %s", name, ", ".join(step.unconfirmed))
        return Progress(changed=True, after=0.0)

    def _patch(self, step: Step, token: TokenView, asked: Asked, live: Mapping[str, Any]) -> Manifest:
        match step.act:
            case Act.GENERATE:
                return secret.with_token(self.new_token())
            case Act.STAGE:
                return secret.staged(self.new_token(), self.new_version(), asked.request, self.now())
            case Act.PROMOTE:
                return secret.promoted(live, step.unconfirmed, self.now())
            case Act.FINISH:
                return secret.finished()
            case _:
                return secret.restarted_clock(token.phase, self.now())


def token_of(gateway: Gateway, known: KnownSecret | None) -> TokenView | None:
    """The state of a Gateway's generated token; None where it has none."""
    if gateway.spec.auth.token_secret_ref is not None or known is None:
        return None
    return known.view if isinstance(known.view, TokenView) else None


def staged_version(token: TokenView | None) -> str:
    """The version that pods are asked for while a token is staged; else empty."""
    return token.version if token is not None and token.phase == "Staged" else ""
