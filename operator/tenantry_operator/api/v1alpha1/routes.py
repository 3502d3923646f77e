"""The routes of custom resources as the gateway's configuration knows them (``tenantry_config.document``)."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from tenantry_config.document import BindingConfig
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.agents import InlineBinding
from tenantry_operator.errors import InvalidObject


def in_order(bindings: Iterable[AgentBinding]) -> list[AgentBinding]:
    """The Gateway's own namespace first, then the older, then by namespace and name: the gateway breaks ties so."""
    return sorted(bindings, key=lambda binding: (binding.foreign, binding.meta.created, binding.key))


def inline_route(binding: InlineBinding, index: int) -> BindingConfig:
    """The route of ``spec.bindings[index]``.

    Raises:
        InvalidObject: where the gateway would not take it, though the API server did.
    """
    fields = binding.model_dump(by_alias=True, exclude_none=True)
    return _route(fields, f"spec.bindings[{index}]")


def route_of(binding: AgentBinding) -> BindingConfig:
    """The route of an AgentBinding.

    Raises:
        InvalidObject: where the gateway would not take it, though the API server did.
    """
    spec = binding.spec
    fields = {
        "channel": spec.match.channel,
        "channelId": spec.match.channel_id,
        "senderId": spec.match.sender_id,
        "agentId": spec.agent_id,
        "sessionKey": spec.session_key,
        "priority": spec.priority,
        "name": binding.meta.name,
        "namespace": binding.meta.namespace if binding.foreign else None,
    }
    return _route({name: value for name, value in fields.items() if value is not None}, "spec")


def _route(fields: dict[str, object], path: str) -> BindingConfig:
    try:
        return BindingConfig.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InvalidObject(".".join((path, *map(str, first["loc"]))), first["msg"]) from error
