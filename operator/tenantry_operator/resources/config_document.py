"""Renders the gateway's ``config.yaml`` from a Gateway and the AgentBindings that it accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from tenantry_config.document import BindingConfig, Config
from tenantry_config.escape import escape_substitutions
from tenantry_config.load import path_of
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.agents import AgentSpec
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.routes import in_order, inline_route, route_of
from tenantry_operator.errors import ConfigTooLarge, InvalidObject

MAX_BYTES = 1024 * 1024
"""The API server's limit for the data of one ConfigMap."""

_Dumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""libyaml where it is there: every Gateway is rendered when the operator starts."""


def render_config(gateway: Gateway, accepted: Sequence[AgentBinding]) -> str:
    """The text of ``config.yaml``: the same for the same arguments, whatever order the bindings come in.

    No string of a custom resource can refer to a variable of the gateway's environment: each is escaped.

    Raises:
        InvalidObject: if the gateway would refuse the configuration, though the API server took the resource.
        ConfigTooLarge: if it would not fit into a ConfigMap.
    """
    text = _yaml(_config(gateway, accepted))
    if (size := len(text.encode())) > MAX_BYTES:
        raise ConfigTooLarge(
            "spec",
            f"the rendered configuration has {size} bytes and a ConfigMap holds {MAX_BYTES}: shorten system prompts "
            "or move agents to a second Gateway",
        )
    return text


def fitting(gateway: Gateway, accepted: Sequence[AgentBinding]) -> frozenset[tuple[str, str]]:
    """Keys of those AgentBindings, the senior first, with which the configuration fits into a ConfigMap.

    Raises:
        InvalidObject: if the gateway would refuse the configuration.
        ConfigTooLarge: if it would not fit without any of them.
    """
    room = MAX_BYTES - len(render_config(gateway, ()).encode()) - len("bindings:\n")
    keys = set()
    for binding in in_order(accepted):
        room -= len(_yaml(Config(bindings=(route_of(binding),))).encode())
        if room < 0:
            break
        keys.add(binding.key)
    return frozenset(keys)


def _yaml(config: Config) -> str:
    """A configuration, or a part of it, as the gateway reads it."""
    document = _escaped(config.model_dump(mode="json", by_alias=True, exclude_unset=True))
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def _config(gateway: Gateway, accepted: Sequence[AgentBinding]) -> Config:
    """What the gateway would load. Only what is set here is rendered: new defaults of the gateway change no hash."""
    spec = gateway.spec
    routes = (
        *(inline_route(binding, index) for index, binding in enumerate(spec.bindings)),
        *(route_of(binding) for binding in in_order(accepted)),
    )
    _check_agents(gateway, routes)
    document = {
        "gateway": {
            "port": spec.port,
            "logLevel": spec.log_level,
            "auth": {"mode": spec.auth.mode},
            "trustedProxies": spec.trusted_proxies or None,
        },
        "provider": {"baseUrl": spec.provider.base_url} if spec.provider.base_url else None,
        "rbac": {
            "enabled": spec.rbac.enabled,
            "defaultRole": spec.rbac.default_role,
            "assignments": dict(sorted(spec.rbac.assignments.items())) or None,
        },
        "agents": {name: _agent(agent) for name, agent in sorted(spec.agents.items())},
        "defaultAgent": gateway.default_agent,
        "bindings": routes or None,
    }
    try:
        return Config.model_validate(_present(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        location = first["loc"][1:] if first["loc"][0] == "gateway" else first["loc"]
        path = path_of(("spec", *location)).replace(".baseUrl", ".baseURL")
        raise InvalidObject(path, first["msg"]) from error


def _check_agents(gateway: Gateway, routes: Sequence[BindingConfig]) -> None:
    """The API server checks this too, but not for objects that it stored before it knew the rule."""
    named = [("spec.defaultAgent", gateway.spec.default_agent)]
    named += [(f"spec.bindings[{index}].agentId", route.agent_id) for index, route in enumerate(routes)]
    for path, agent in named:
        if agent is not None and agent not in gateway.spec.agents:
            raise InvalidObject(path, f'no agent "{agent}"; known agents: {", ".join(sorted(gateway.spec.agents))}')


def _agent(agent: AgentSpec) -> dict[str, Any]:
    return _present({"model": agent.model, "system": agent.system, "maxTokens": agent.max_tokens})


def _present(value: Mapping[str, Any]) -> dict[str, Any]:
    """Drop keys whose value is None, at every depth of mappings."""
    return {
        key: _present(item) if isinstance(item, Mapping) else item for key, item in value.items() if item is not None
    }


def _escaped(value: Any) -> Any:
    """Escape every string but the keys, in which the gateway substitutes nothing."""
    if isinstance(value, str):
        return escape_substitutions(value)
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
