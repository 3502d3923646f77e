"""Where a chat message goes: agent, binding and session, or why nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from tenantry_config.document import AgentConfig, Config
from tenantry_config.routing import (
    Message,
    NoRoute,
    Route,
    TemplateError,
    label,
    route,
    session_key,
    template_values,
)
from tenantry_config.template import fill_directory
from tenantry_gateway.errors import InvalidRequest, NotFound, PermissionDenied
from tenantry_gateway.identity.principal import Principal, has_role, sender_of
from tenantry_gateway.sessions.transcript import Provenance, SessionId

OWN_CHANNEL = "api"
"""The channel of requests that name none."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a request says about where its message comes from and goes to; None: nothing."""

    channel: str | None = None
    channel_id: str | None = None
    sender_id: str | None = None
    agent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """The decision. `binding` as the answer names it: a name, an index, or None for no binding."""

    agent_id: str
    agent: AgentConfig
    session: SessionId
    binding: str | int | None


def find_destination(config: Config, principal: Principal, address: Address) -> Destination:
    """Where a message of `principal` goes.

    Raises NotFound for an unknown agent (before any role is looked at) or without a route, PermissionDenied for a
    role that may not, InvalidRequest where a session key cannot be made.
    """
    if address.agent_id is not None and address.agent_id not in config.agents:
        known = ", ".join(sorted(config.agents)) or "none"
        raise NotFound(f'no agent "{address.agent_id}"; known agents: {known}')
    _check_role(principal, address)
    sender = sender_of(principal, address.sender_id)
    message = Message(address.channel or OWN_CHANNEL, address.channel_id, sender.value)
    chosen = _route(config, message, address.agent_id)
    agent = config.agents[chosen.agent_id]
    try:
        key, folder = session_key(chosen, message), _folder(agent, chosen, message)
    except TemplateError as error:
        raise InvalidRequest(str(error)) from error
    session = SessionId(
        chosen.agent_id,
        chosen.binding.namespace if chosen.binding else None,
        _provenance(address, verified=sender.verified),
        key,
        folder,
        agent.session.mode == "persistent",
    )
    return Destination(chosen.agent_id, agent, session, _name(chosen))


def _folder(agent: AgentConfig, chosen: Route, message: Message) -> tuple[str, ...]:
    """Where the agent's sessions are kept, filled for this message."""
    template = agent.session.dir
    return fill_directory(template, template_values(chosen, message)) if template else ()


def _check_role(principal: Principal, address: Address) -> None:
    if not has_role(principal.role, "user"):
        raise PermissionDenied(f"{principal.id} has the role {principal.role}; talking to agents takes the role user")
    if address.agent_id is not None and not has_role(principal.role, "operator"):
        raise PermissionDenied(
            f"naming agentId takes the role operator, and {principal.id} has the role {principal.role}: leave it out"
        )


def _route(config: Config, message: Message, agent_id: str | None) -> Route:
    if agent_id is not None:
        return Route(agent_id)
    try:
        return route(config, message)
    except NoRoute as error:
        raise NotFound(str(error)) from error


def _provenance(address: Address, *, verified: bool) -> Provenance:
    """`verified` only where nothing that the session key may hold was merely said by the caller.

    A caller who could name the channel or channelId of a verified session would be in it.
    """
    own = address.channel in {None, OWN_CHANNEL} and address.channel_id is None
    return "verified" if verified and own else "claimed"


def _name(chosen: Route) -> str | int | None:
    if chosen.binding is None or chosen.index is None:
        return None
    return chosen.index if chosen.binding.name is None else label(chosen.binding, chosen.index)
