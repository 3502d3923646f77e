"""Writes the status of AgentBindings. Only the reconcile of their Gateway does: each has exactly one writer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.agent_binding import binding_status, invalid_binding_status
from tenantry_operator.conditions.observation import RouteId, Verdict
from tenantry_operator.errors import InvalidObject
from tenantry_operator.kube.errors import ApiError
from tenantry_operator.kube.kinds import Key
from tenantry_operator.reconcile.report import Reporter
from tenantry_operator.reconcile.store import Entry


def usable(entries: Sequence[Entry[AgentBinding]]) -> tuple[AgentBinding, ...]:
    """The bindings that could be parsed and are not being deleted."""
    return tuple(
        entry.parsed for entry in entries if not isinstance(entry.parsed, InvalidObject) and not entry.meta.deleting
    )


BATCH = 50
"""Statuses written in one go. Whoever makes thousands of bindings keeps no Gateway waiting, their own or another's."""

NEXT_BATCH = 0.02
"""Seconds until the next batch."""

Told = tuple[int, str, str, str | None, bool, bool | None]
"""What a binding's status was last made from: its version, the verdict, and whether it is programmed."""


@dataclass(slots=True)
class BindingReporter:
    """Tells AgentBindings how they stand."""

    reporter: Reporter
    now: Callable[[], str]
    _told: dict[Key, Told] = field(default_factory=dict)
    """Of bindings whose status says it already: to look at thousands must cost next to nothing."""

    async def report(
        self,
        entries: Sequence[Entry[AgentBinding]],
        verdicts: Sequence[Verdict],
        programmed: frozenset[RouteId] | None,
        *,
        moving: bool = False,
    ) -> float | None:
        """Write each binding's status where it differs; those without a verdict wait for theirs.

        One that cannot be written does not keep others from theirs. With ``moving``, more is about to come of the
        Gateway: a binding of which nothing was told yet may wait for that. Returns None if all were told; else in how
        many seconds it is to be called again.

        Raises:
            ApiError: the first one, after all have been tried.
        """
        self._sweep()
        by_key = {verdict.binding.key: verdict for verdict in verdicts}
        failed: list[ApiError] = []
        pauses: list[float] = []
        written = 0
        for entry in entries:
            key = entry.meta.namespace, entry.meta.name
            told = _told(entry, by_key.get(key), programmed)
            if told is None or self._told.get(key) == told:
                continue
            if max(written, len(failed)) >= BATCH:
                pauses.append(NEXT_BATCH)
                break
            if moving and _is_first_step(entry, told) and (pause := self.reporter.settling.pause(key)):
                pauses.append(pause)
                continue
            try:
                written += await self.reporter.report(entry, self._status(entry, by_key, programmed))
                self._told[key] = told
            except ApiError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return min(pauses, default=None)

    def _status(
        self, entry: Entry[AgentBinding], verdicts: Mapping[Key, Verdict], programmed: frozenset[RouteId] | None
    ) -> dict[str, Any]:
        if isinstance(entry.parsed, InvalidObject):
            return invalid_binding_status(entry.meta, entry.status, entry.parsed, self.now())
        return binding_status(verdicts[entry.parsed.key], programmed, self.now())

    def _sweep(self) -> None:
        """Forget bindings that are gone, now and then."""
        if len(self._told) + len(self.reporter.settling) <= 2 * len(self.reporter.objects) + 2 * BATCH:
            return
        for key in [key for key in self._told if not self._is_known(key)]:
            del self._told[key]
            self.reporter.forget(key)
        self.reporter.settling.sweep(self._is_known)

    def _is_known(self, key: Key) -> bool:
        return self.reporter.objects.get(key) is not None


def _told(entry: Entry[AgentBinding], verdict: Verdict | None, programmed: frozenset[RouteId] | None) -> Told | None:
    """What the binding's status is made from; None where nothing is to be told."""
    if isinstance(entry.parsed, InvalidObject):
        return entry.version, "", "", None, False, None
    if verdict is None:
        return None
    served = None if programmed is None else entry.parsed.route_id in programmed
    return entry.version, verdict.reason, verdict.message, verdict.shadowed_by, verdict.suspended, served


def _is_first_step(entry: Entry[AgentBinding], told: Told) -> bool:
    """Whether nothing was told of a binding yet, and nothing is to tell but that its Gateway is about to serve it."""
    _, reason, _, shadowed_by, suspended, served = told
    accepted = reason == reasons.ACCEPTED and shadowed_by is None and not suspended
    return accepted and served is not True and not entry.status.get("conditions")
