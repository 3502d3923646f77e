"""What a Gateway should have, and which AgentBindings it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.agent_binding import judge
from tenantry_operator.conditions.observation import Problem, Verdict
from tenantry_operator.errors import ConfigTooLarge, InvalidObject
from tenantry_operator.reconcile.contents import Contents
from tenantry_operator.reconcile.namespaces import Namespaces
from tenantry_operator.reconcile.pods import Pods
from tenantry_operator.resources.config_document import fitting
from tenantry_operator.resources.desired import Desired, desired
from tenantry_operator.resources.image import Defaults
from tenantry_operator.resources.network_policy import Surroundings


@dataclass(frozen=True, slots=True)
class Decision:
    """Verdicts on all AgentBindings that refer to the Gateway; and what it should have, or why nobody knows."""

    verdicts: tuple[Verdict, ...]
    wanted: Desired | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides, and remembers which AgentBindings each configuration holds."""

    namespaces: Namespaces
    contents: Contents
    pods: Pods

    def judge(self, gateway: Gateway, bindings: Sequence[AgentBinding]) -> tuple[Verdict, ...]:
        """What is decided about the bindings by themselves. Who is a stranger is settled with it."""
        return judge(gateway, bindings, labels_of=self.namespaces.labels)

    def decide(
        self, gateway: Gateway, verdicts: tuple[Verdict, ...], defaults: Defaults, surroundings: Surroundings
    ) -> Decision:
        """Decide what a Gateway should have.

        Where the configuration would be too large with all bindings, those go first that have the least right to it.
        """
        try:
            try:
                wanted = desired(gateway, _accepted(verdicts), defaults, surroundings)
            except ConfigTooLarge:
                fit = fitting(gateway, _accepted(verdicts))
                bindings = [verdict.binding for verdict in verdicts]
                verdicts = judge(gateway, bindings, labels_of=self.namespaces.labels, fitting=fit)
                wanted = desired(gateway, _accepted(verdicts), defaults, surroundings)
        except InvalidObject as error:
            return Decision(verdicts, problem=Problem(error.reason, str(error)))
        served = self.pods.served(gateway, self.pods.of(gateway)).values()
        routes = (binding.route_id for binding in _accepted(verdicts))
        self.contents.remember(gateway.key, wanted.config_hash, routes, served)
        return Decision(verdicts, wanted)

    def forget(self, gateway: tuple[str, str]) -> None:
        """The Gateway is gone."""
        self.namespaces.forget(gateway)
        self.contents.forget(gateway)


def _accepted(verdicts: Sequence[Verdict]) -> list[AgentBinding]:
    return [verdict.binding for verdict in verdicts if verdict.accepted]
