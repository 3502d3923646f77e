"""Renders the gateway's ``config.yaml`` from a Gateway and the AgentBindings that it accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from tenantry_config.escape import escape_substitutions
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import AgentSpec, Gateway, InlineBinding
from tenantry_operator.errors import ConfigTooLarge

MAX_BYTES = 1024 * 1024
"""The API server's limit for the data of one ConfigMap."""

_Dumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def render_config(gateway: Gateway, accepted: Sequence[AgentBinding]) -> str:
    """The text of ``config.yaml``: the same for the same arguments, whatever order the bindings come in.

    No string of a custom resource can refer to a variable of the gateway's environment: each is escaped.

    Raises:
        ConfigTooLarge: if it would not fit into a ConfigMap.
    """
    document = _escaped(_document(gateway, accepted))
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    if (size := len(text.encode())) > MAX_BYTES:
        raise ConfigTooLarge(
            "spec",
            f"the rendered configuration has {size} bytes and a ConfigMap holds {MAX_BYTES}: shorten the system "
            "prompts or move agents to a second Gateway",
        )
    return text


def _document(gateway: Gateway, accepted: Sequence[AgentBinding]) -> dict[str, Any]:
    spec = gateway.spec
    document: dict[str, Any] = _without_absent(
        {
            "gateway": {
                "port": spec.port,
                "logLevel": spec.log_level,
                "auth": {"mode": spec.auth.mode},
                "trustedProxies": list(spec.trusted_proxies) or None,
            },
            "provider": {"baseUrl": spec.provider.base_url} if spec.provider.base_url else None,
            "rbac": {
                "enabled": spec.rbac.enabled,
                "defaultRole": spec.rbac.default_role,
                "assignments": dict(sorted(spec.rbac.assignments.items())) or None,
            },
            "agents": {name: _agent(agent) for name, agent in sorted(spec.agents.items())},
            "defaultAgent": gateway.default_agent,
            "bindings": [*map(_inline, spec.bindings), *map(_binding, in_order(accepted))] or None,
        }
    )
    return document


def in_order(bindings: Iterable[AgentBinding]) -> list[AgentBinding]:
    """The older first, then by namespace and name: the order in which the gateway breaks ties."""
    return sorted(bindings, key=lambda binding: (binding.meta.created, binding.key))


def _agent(agent: AgentSpec) -> dict[str, Any]:
    return {"model": agent.model, "system": agent.system, "maxTokens": agent.max_tokens}


def _inline(binding: InlineBinding) -> dict[str, Any]:
    return {
        "channel": binding.channel,
        "channelId": binding.channel_id,
        "senderId": binding.sender_id,
        "agentId": binding.agent_id,
        "sessionKey": binding.session_key,
        "priority": binding.priority or None,
    }


def _binding(binding: AgentBinding) -> dict[str, Any]:
    spec = binding.spec
    return {
        "name": binding.meta.name,
        "channel": spec.match.channel,
        "channelId": spec.match.channel_id,
        "senderId": spec.match.sender_id,
        "agentId": spec.agent_id,
        "sessionKey": spec.session_key,
        "priority": spec.priority or None,
    }


def _without_absent(value: Any) -> Any:
    """Drop keys whose value is None, at every depth."""
    if isinstance(value, Mapping):
        return {key: _without_absent(item) for key, item in value.items() if item is not None}
    return [_without_absent(item) for item in value] if isinstance(value, list) else value


def _escaped(value: Any) -> Any:
    """Escape every string but the keys, in which the gateway substitutes nothing."""
    if isinstance(value, str):
        return escape_substitutions(value)
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
