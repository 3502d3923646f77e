"""What is done for one Gateway: caches → desired → apply → prune → observe → conditions → status.

Level-triggered: a key says where to look, never what has happened. Whatever is found is put right, and a look that
finds nothing to do makes no request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.storage import claim_name
from tenantry_operator.api.v1alpha1.upstream import Upstream
from tenantry_operator.cluster_network import ClusterNetwork
from tenantry_operator.conditions.agent_binding import judge, programmed
from tenantry_operator.conditions.deployment import rollout_has_failed
from tenantry_operator.conditions.gateway import gateway_status, invalid_gateway_status
from tenantry_operator.conditions.observation import (
    ClaimView,
    DeploymentView,
    Observation,
    Problem,
    SecretKeys,
    Verdict,
)
from tenantry_operator.errors import InvalidObject
from tenantry_operator.kube.cache import Record
from tenantry_operator.kube.errors import ApiError, ForbiddenError
from tenantry_operator.kube.kinds import DEPLOYMENT, NETWORK_POLICY, PERSISTENT_VOLUME_CLAIM, Key, Kind
from tenantry_operator.kube.ownership import Ownership
from tenantry_operator.kube.secrets import KnownSecret
from tenantry_operator.reconcile.agent_binding import BindingReporter, usable
from tenantry_operator.reconcile.converge import Converger, Setbacks, owner_of
from tenantry_operator.reconcile.decision import Decider
from tenantry_operator.reconcile.extras import Extras
from tenantry_operator.reconcile.follow import Follower
from tenantry_operator.reconcile.pods import Pods
from tenantry_operator.reconcile.report import Reporter, rfc3339
from tenantry_operator.reconcile.rollout import Rollouts
from tenantry_operator.reconcile.settling import passes_by
from tenantry_operator.reconcile.store import Entry, Store
from tenantry_operator.reconcile.tally import Tally
from tenantry_operator.reconcile.tokens import token_of
from tenantry_operator.reconcile.upgrades import Upgrades
from tenantry_operator.reconcile.upstreams import Upstreams
from tenantry_operator.resources.desired import Desired
from tenantry_operator.resources.metadata import child_name
from tenantry_operator.resources.network_policy import Surroundings

LABELS_PAUSE = 0.2
"""Seconds until the next look at a Gateway that selects namespaces while they are listed for the first time."""


Result = Literal["ok", "problem"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a look at a key."""

    result: Result = "ok"
    retry: bool = False
    """Whether to look again after a pause, though nothing may be seen to change."""
    after: float | None = None
    """Seconds after which something is due."""


@dataclass(frozen=True, slots=True)
class GatewayReconciler:
    """Does it."""

    store: Store
    converger: Converger
    extras: Extras
    pods: Pods
    follower: Follower
    rollouts: Rollouts
    gateways: Reporter
    bindings: BindingReporter
    tally: Tally
    upgrades: Upgrades
    decider: Decider
    upstreams: Upstreams
    network: ClusterNetwork
    unreadable: Callable[[str], ForbiddenError | None]
    """Why a namespace cannot be read, if it cannot: then nothing is known, and nothing may be decided."""
    now: Callable[[], datetime]

    async def reconcile(self, key: Key) -> Outcome:
        """Look at one Gateway and put right what is not as it should be.

        Raises:
            ApiError: that only a pause can heal.
        """
        entry = self.store.gateways.get(key)
        bindings = self.store.bindings.of_gateway(key)
        if entry is None:
            return await self._absent(key, bindings)
        if entry.meta.deleting:
            # The garbage collector does the rest; nothing new is made for it to miss.
            return await self._tell(bindings, judge(None, usable(bindings)))
        gateway = entry.parsed
        if isinstance(gateway, InvalidObject):
            return await self._refused(entry, gateway, bindings)
        return await self._tenant(entry, gateway, bindings)

    async def _absent(self, key: Key, bindings: Sequence[Entry[AgentBinding]]) -> Outcome:
        """No such Gateway (any more): its bindings say so."""
        self.converger.writer.forget(key)
        self.converger.secrets.want(key, ())
        self.extras.forget(key)
        self.pods.forget(key)
        self.follower.tokens.forget(key)
        self.rollouts.forget(key)
        self.upgrades.forget(key)
        self.upstreams.forget(key)
        self.gateways.forget(key)
        self.tally.forget(key)
        self.decider.forget(key)
        return await self._tell(bindings, judge(None, usable(bindings)))

    async def _refused(
        self, entry: Entry[Gateway], error: InvalidObject, bindings: Sequence[Entry[AgentBinding]]
    ) -> Outcome:
        """Stored under a schema that this version cannot read: what runs is left as it is."""
        status = invalid_gateway_status(entry.meta, entry.status, error, rfc3339(self.now()))
        self.tally.count((entry.meta.namespace, entry.meta.name), status)
        await self.gateways.report(entry, status)
        fault = Problem(error.reason, str(error))
        return replace(await self._tell(bindings, judge(None, usable(bindings), fault)), result="problem")

    async def _tell(self, bindings: Sequence[Entry[AgentBinding]], verdicts: Sequence[Verdict]) -> Outcome:
        """Tell bindings how they stand with a Gateway that has no pods to ask."""
        return Outcome(after=await self.bindings.report(bindings, verdicts, None))

    async def _tenant(
        self, entry: Entry[Gateway], gateway: Gateway, bindings: Sequence[Entry[AgentBinding]]
    ) -> Outcome:
        if not self.decider.namespaces.want(gateway):
            return Outcome(after=LABELS_PAUSE)
        verdicts = self.decider.judge(gateway, usable(bindings))
        turned_away = await self._turn_away(bindings, verdicts)
        defaults = self.upgrades.defaults_for(gateway, self._deployment(gateway))
        blind, setbacks = self.unreadable(gateway.meta.namespace), Setbacks()
        upstream, unread = await self._upstream(gateway, setbacks) if blind is None else (None, None)
        surroundings = Surroundings(self.network, upstream)
        decision = self.decider.decide(gateway, verdicts, defaults, surroundings)
        wanted, verdicts = decision.wanted, decision.verdicts
        if unread is not None:
            raise unread
        setbacks.problem = decision.problem or setbacks.problem
        secrets: dict[str, KnownSecret] = {}
        extra_problems: Mapping[str, Problem] = {}
        after: float | None = None
        if blind is not None:
            setbacks.note_forbidden(blind)
        else:
            secrets = await self.converger.read_secrets(gateway, setbacks)
            if wanted is not None:
                if await self.converger.converge(gateway, wanted, setbacks):
                    self.rollouts.begun(gateway.key)
                extra_problems = await self.extras.converge(gateway, wanted.extras, setbacks)
                secrets = await self.converger.read_secrets(gateway, setbacks)
        pause = self.rollouts.pause(gateway.key, self._deployment(gateway))
        if pause is not None and setbacks.problem is None:
            return Outcome("ok", setbacks.retry, pause)
        if blind is None:
            secrets, after = await self.follower.follow(gateway, wanted, secrets, setbacks)
        after = self.converger.note_fights(gateway, setbacks, after)
        seen = self._observe(gateway, wanted, verdicts, secrets, upstream, setbacks)
        seen = self.extras.observe(seen, extra_problems)
        self.upgrades.observe(gateway.key, seen.deployment, seen.pods)
        told = await self._report(entry, bindings, seen)
        if isinstance(turned_away, ApiError):
            raise turned_away
        dues = (due for due in (after, told, turned_away) if due is not None)
        result: Result = "problem" if setbacks.problem or extra_problems else "ok"
        return Outcome(result, setbacks.retry, min(dues, default=None))

    async def _upstream(self, gateway: Gateway, setbacks: Setbacks) -> tuple[Upstream | None, ApiError | None]:
        """Where its base URL leads; or an error that only a pause can heal."""
        upstream: Upstream | None = None
        try:
            with setbacks.caught():
                upstream = await self.upstreams.of(gateway)
        except ApiError as error:
            return None, error
        return upstream, None

    async def _turn_away(
        self, bindings: Sequence[Entry[AgentBinding]], verdicts: Sequence[Verdict]
    ) -> float | ApiError | None:
        """Answer the bindings to which the Gateway does not exist, before and whatever comes of its own matters.

        So nothing of the Gateway shows in when they are answered, and trouble with them is none of the Gateway's.
        Returns None if all of them were, else in how many seconds to go on, or what was in the way.
        """
        strangers = {verdict.binding.key: verdict for verdict in verdicts if verdict.stranger}
        entries = [entry for entry in bindings if (entry.meta.namespace, entry.meta.name) in strangers]
        try:
            return await self.bindings.report(entries, tuple(strangers.values()), None)
        except ApiError as error:
            return error

    def _observe(
        self,
        gateway: Gateway,
        wanted: Desired | None,
        verdicts: tuple[Verdict, ...],
        secrets: Mapping[str, KnownSecret],
        upstream: Upstream | None,
        setbacks: Setbacks,
    ) -> Observation:
        """What the caches hold of the tenant."""
        pods = self.pods.of(gateway)
        return Observation(
            gateway=gateway,
            desired=wanted,
            secrets={name: SecretKeys(name, known.keys) for name, known in secrets.items()},
            deployment=self._deployment(gateway),
            pods=pods,
            verdicts=verdicts,
            served=self.pods.served(gateway, pods),
            contents=self.decider.contents.of(gateway.key),
            policy_exists=self._child(gateway, NETWORK_POLICY) is not None,
            upstream=upstream,
            claim=self._claim(gateway),
            storage_classes=self.converger.storage_classes(),
            growth_refused=setbacks.growth_refused,
            problem=setbacks.problem,
            token=token_of(gateway, secrets.get(gateway.token_secret_name)),
            waits_for_image=self.upgrades.is_waiting(gateway.key),
            blind_selectors=self.decider.namespaces.problem(gateway),
        )

    def _deployment(self, gateway: Gateway) -> DeploymentView | None:
        record = self._child(gateway, DEPLOYMENT)
        return record.view if record is not None and isinstance(record.view, DeploymentView) else None

    def _claim(self, gateway: Gateway) -> ClaimView | None:
        """The Gateway's own claim; one that an earlier Gateway takes along is not."""
        key = gateway.meta.namespace, claim_name(gateway.meta.name)
        record = self.converger.caches[PERSISTENT_VOLUME_CLAIM].get(key)
        if record is None or owner_of(gateway).owns(record) is not Ownership.OURS:
            return None
        return record.view if isinstance(record.view, ClaimView) else None

    def _child(self, gateway: Gateway, kind: Kind) -> Record | None:
        return self.converger.caches[kind].get((gateway.meta.namespace, child_name(gateway.meta.name)))

    async def _report(
        self, entry: Entry[Gateway], bindings: Sequence[Entry[AgentBinding]], seen: Observation
    ) -> float | None:
        """Write status where it differs. Returns in how many seconds to do so again; None if all is told."""
        status = gateway_status(seen, rfc3339(self.now()))
        self.tally.count(seen.gateway.key, status)
        waits = passes_by(entry.status, status, crowded=self.gateways.settling.crowded())
        failed = seen.deployment is not None and rollout_has_failed(seen.deployment, seen.pods)
        pause = self.gateways.pause(entry, status, alone=failed) if waits else 0.0
        if not pause:
            await self.gateways.report(entry, status)
        rest = [verdict for verdict in seen.verdicts if not verdict.stranger]
        told = await self.bindings.report(bindings, rest, programmed(seen), moving=seen.problem is None)
        return min((due for due in (pause or None, told) if due is not None), default=None)
