"""kopf's events of AgentBindings."""

from typing import Any

import kopf

from tenantry_operator.kube.kinds import AGENT_BINDING
from tenantry_operator.reconcile.engine import Engine


def register(registry: kopf.OperatorRegistry, engine: Engine) -> None:
    """Tell the engine of every AgentBinding that comes, changes or goes.

    ``on.event`` alone: it writes nothing to the object, neither annotations nor finalizers.
    """

    @kopf.on.event(
        AGENT_BINDING.group, AGENT_BINDING.version, AGENT_BINDING.plural, registry=registry, id="agent-binding"
    )
    async def agent_binding_event(event: kopf.RawEvent, **_: Any) -> None:
        engine.observe(AGENT_BINDING, event["type"], dict(event["object"]))
