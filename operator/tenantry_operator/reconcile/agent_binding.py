"""Writes the status of AgentBindings. Only the reconcile of their Gateway does: each has exactly one writer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.conditions.agent_binding import binding_status, invalid_binding_status
from tenantry_operator.conditions.observation import RouteId, Verdict
from tenantry_operator.errors import InvalidObject
from tenantry_operator.kube.errors import ApiError
from tenantry_operator.reconcile.report import Reporter
from tenantry_operator.reconcile.store import Entry


def usable(entries: Sequence[Entry[AgentBinding]]) -> tuple[AgentBinding, ...]:
    """The bindings that could be parsed and are not being deleted."""
    return tuple(
        entry.parsed for entry in entries if not isinstance(entry.parsed, InvalidObject) and not entry.meta.deleting
    )


@dataclass(frozen=True, slots=True)
class BindingReporter:
    """Tells AgentBindings how they stand."""

    reporter: Reporter
    now: Callable[[], str]

    async def report(
        self, entries: Sequence[Entry[AgentBinding]], verdicts: Sequence[Verdict], programmed: frozenset[RouteId] | None
    ) -> None:
        """Write each binding's status where it differs; those without a verdict wait for theirs.

        One that cannot be written does not keep others from theirs.

        Raises:
            ApiError: the first one, after all have been tried.
        """
        by_key = {verdict.binding.key: verdict for verdict in verdicts}
        failed: ApiError | None = None
        for entry in entries:
            status = self._status(entry, by_key, programmed)
            if status is None:
                continue
            try:
                await self.reporter.report(entry, status)
            except ApiError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _status(
        self,
        entry: Entry[AgentBinding],
        verdicts: Mapping[tuple[str, str], Verdict],
        programmed: frozenset[RouteId] | None,
    ) -> dict[str, Any] | None:
        if isinstance(entry.parsed, InvalidObject):
            return invalid_binding_status(entry.meta, entry.status, entry.parsed, self.now())
        verdict = verdicts.get(entry.parsed.key)
        return None if verdict is None else binding_status(verdict, programmed, self.now())
