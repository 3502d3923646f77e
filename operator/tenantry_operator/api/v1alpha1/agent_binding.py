"""The AgentBinding resource: one route from a channel, place or sender to an agent of a Gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tenantry_operator.api.v1alpha1.common import (
    AgentId,
    ApiModel,
    ChannelName,
    Conditions,
    NamespaceName,
    PeerId,
    Priority,
    Resource,
    SessionKeyTemplate,
)

KIND = "AgentBinding"


class GatewayRef(ApiModel):
    """A Gateway, of the binding's own namespace or of another."""

    name: Annotated[str, Field(min_length=1, max_length=40, pattern="^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the Gateway."""
    namespace: NamespaceName | None = None
    """Namespace of the Gateway, whose spec.allowedBindings must then allow the binding's own. The binding's own
    namespace, where left out."""


class Match(ApiModel):
    """A message matches if it agrees with each field that is named here."""

    channel: ChannelName
    """Channel that the message comes from, such as slack, telegram, webhook or api; * matches every channel."""
    channel_id: PeerId | None = None
    """The place within the channel, such as a Slack channel's id. Any, where left out or *."""
    sender_id: PeerId | None = None
    """The sender within the channel. Any, where left out or *."""


class AgentBindingSpec(ApiModel):
    """Which messages go to which agent."""

    gateway_ref: GatewayRef
    """The Gateway that this route belongs to."""
    agent_id: AgentId
    """The agent that answers: a key of the Gateway's spec.agents."""
    match: Match
    """The messages that this route takes."""
    session_key: SessionKeyTemplate | None = None
    """Template of the conversation's key: messages of one key share one history. Where left out: agent, channel and
    the channel's or sender's id."""
    priority: Priority = 0
    """Among equally specific bindings that match, the one with the higher number wins."""


class AgentBindingStatus(ApiModel):
    """What the operator last saw of the binding."""

    observed_generation: Annotated[int, Field(ge=-1)] | None = None
    """Generation of the spec that this status describes; -1 until the operator has looked at the object."""
    conditions: Conditions = ()
    """Accepted: the route is valid. ResolvedRefs: Gateway and agent exist. Programmed: every ready pod serves it.
    Conflicted, while another binding shadows it. Reconciling and Stalled are there only while they are true."""


@dataclass(frozen=True, slots=True)
class AgentBinding(Resource[AgentBindingSpec]):
    """An AgentBinding as it was last read."""

    model = AgentBindingSpec

    @property
    def gateway_key(self) -> tuple[str, str]:
        """Namespace and name of the Gateway that it refers to."""
        return self.spec.gateway_ref.namespace or self.meta.namespace, self.spec.gateway_ref.name

    @property
    def foreign(self) -> bool:
        """Whether it is of another namespace than the Gateway: then that one has to consent."""
        return self.gateway_key[0] != self.meta.namespace

    @property
    def route_id(self) -> tuple[str, int]:
        """Uid and generation: what identifies the route until somebody changes it."""
        return self.meta.uid, self.meta.generation
