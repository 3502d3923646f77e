"""``spec.provider``, ``spec.agents`` and ``spec.bindings`` of a Gateway: who answers, and whom."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tenantry_config.document import DEFAULT_MAX_TOKENS
from tenantry_operator.api.v1alpha1.common import (
    AgentId,
    ApiModel,
    ChannelName,
    PeerId,
    Priority,
    SecretKey,
    SecretName,
    SessionKeyTemplate,
    validation,
)

MAX_AGENTS = 64
MAX_BINDINGS = 256


class ApiKeySecretRef(ApiModel):
    """One key of a Secret in the Gateway's namespace."""

    name: SecretName
    """Name of the Secret, in the Gateway's namespace."""
    key: SecretKey = "api-key"
    """Key of the Secret that holds the API key."""


BaseUrl = Annotated[
    str,
    Field(
        max_length=1024,
        json_schema_extra=validation(
            "self.matches('^https?://[!-~]+$') && isURL(self) && url(self).getHostname() != '' "
            "&& !self.contains('@') && !self.contains('?') && !self.contains('#') "
            "&& (url(self).getPort() == '' || int(url(self).getPort()) >= 1 && int(url(self).getPort()) <= 65535)",
            "must be an http or https URL without user, query or fragment, such as https://api.anthropic.com; "
            "a port is a number from 1 to 65535",
        ),
    ),
]


class ProviderSpec(ApiModel):
    """Where the agents' answers come from: the Anthropic API, or something that speaks it."""

    api_key_secret_ref: ApiKeySecretRef
    """The Anthropic API key: a Secret that you create in the Gateway's namespace. It reaches the gateway as a file."""
    base_url: BaseUrl | None = Field(default=None, alias="baseURL")
    """Base URL of the API, for a proxy or a test server. The Anthropic API, where left out."""


class AgentSpec(ApiModel):
    """One agent: a model with its instructions."""

    model: Annotated[str, Field(min_length=1, max_length=128, pattern="^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")]
    """Name of the Claude model, such as claude-sonnet-4-20250514."""
    system: Annotated[str, Field(max_length=65536)] | None = None
    """The agent's system prompt. References to environment variables are not resolved in it."""
    max_tokens: Annotated[int, Field(ge=1, le=200_000)] = DEFAULT_MAX_TOKENS
    """The longest answer that the agent gives, in tokens."""


class InlineBinding(ApiModel):
    """A route: messages that match every field named here go to the agent."""

    channel: ChannelName
    """Channel that the message comes from, such as slack, telegram, webhook or api; * matches every channel."""
    channel_id: PeerId | None = None
    """The place within the channel, such as a Slack channel's id. Any, where left out or *."""
    sender_id: PeerId | None = None
    """The sender within the channel. Any, where left out or *."""
    agent_id: AgentId
    """The agent that answers: a key of spec.agents."""
    session_key: SessionKeyTemplate | None = None
    """Template of the conversation's key: messages of one key share one history. Where left out: agent, channel and
    the channel's or sender's id."""
    # No default here: the API server would write it into the list, and Argo CD would compare the list with Git's.
    priority: Priority | None = None
    """Among equally specific bindings that match, the one with the higher number wins. 0, where left out."""
