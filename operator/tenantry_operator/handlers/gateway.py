"""kopf's events of Gateways."""

from typing import Any

import kopf

from tenantry_operator.kube.kinds import GATEWAY
from tenantry_operator.reconcile.engine import Engine


def register(registry: kopf.OperatorRegistry, engine: Engine) -> None:
    """Tell the engine of every Gateway that comes, changes or goes.

    ``on.event`` alone: it writes nothing to the object, neither annotations nor finalizers.
    """

    @kopf.on.event(GATEWAY.group, GATEWAY.version, GATEWAY.plural, registry=registry, id="gateway")
    async def gateway_event(event: kopf.RawEvent, **_: Any) -> None:
        engine.observe(GATEWAY, event["type"], dict(event["object"]))
