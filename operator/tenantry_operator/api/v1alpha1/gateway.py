"""The Gateway resource: one tenant's AI-agent gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from tenantry_config.document import DEFAULT_MAX_TOKENS, DEFAULT_PORT, LogLevel, Role
from tenantry_config.names import AGENT_ID_PATTERN
from tenantry_operator.api.v1alpha1.common import (
    API_VERSION,
    GROUP,
    VERSION,
    AgentId,
    ApiModel,
    ChannelName,
    Conditions,
    PeerId,
    Priority,
    Resource,
    SecretKey,
    SecretName,
    SessionKeyTemplate,
    validation,
)

__all__ = ["API_VERSION", "GROUP", "KIND", "VERSION", "Gateway", "GatewaySpec", "GatewayStatus", "SecretUse"]

KIND = "Gateway"
TOKEN_KEY = "token"  # noqa: S105 - the name of a key
MAX_AGENTS = 64
MAX_BINDINGS = 256
MAX_ASSIGNMENTS = 1024


class PullSecret(ApiModel):
    """A Secret of type kubernetes.io/dockerconfigjson in the Gateway's namespace."""

    name: SecretName
    """Name of the Secret."""


class ImageSpec(ApiModel):
    """The gateway image. What is left out comes from the operator's own default."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "!has(self.repository) || has(self.tag) || has(self.digest)",
            "set tag or digest as well when you set repository: an image without either changes under you",
        )
    )

    repository: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=255,
                pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$",
            ),
        ]
        | None
    ) = None
    """Image name without tag, such as registry.example.com/platform/tenantry-gateway."""
    tag: Annotated[str, Field(max_length=128, pattern="^[A-Za-z0-9_][A-Za-z0-9._-]*$")] | None = None
    """Tag of the image. A digest, where given, decides."""
    digest: Annotated[str, Field(max_length=71, pattern="^sha256:[a-f0-9]{64}$")] | None = None
    """Digest that pins the image, such as sha256: followed by 64 hexadecimal digits."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the kubelet pulls the image. The operator's configured default, where left out."""
    pull_secrets: Annotated[
        tuple[PullSecret, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """Secrets of the Gateway's namespace with credentials for the image's registry."""


class ApiKeySecretRef(ApiModel):
    """One key of a Secret in the Gateway's namespace."""

    name: SecretName
    """Name of the Secret, in the Gateway's namespace."""
    key: SecretKey = "api-key"
    """Key of the Secret that holds the API key."""


class TokenSecretRef(ApiModel):
    """One key of a Secret in the Gateway's namespace."""

    name: SecretName
    """Name of the Secret, in the Gateway's namespace."""
    key: SecretKey = TOKEN_KEY
    """Key of the Secret that holds the token."""


BaseUrl = Annotated[
    str,
    Field(
        max_length=1024,
        json_schema_extra=validation(
            "self.matches('^https?://[!-~]+$') && isURL(self) && url(self).getHostname() != '' "
            "&& !self.contains('@') && !self.contains('?') && !self.contains('#')",
            "must be an http or https URL without user, query or fragment, such as https://api.anthropic.com",
        ),
    ),
]


class ProviderSpec(ApiModel):
    """Where the agents' answers come from: the Anthropic API, or something that speaks it."""

    api_key_secret_ref: ApiKeySecretRef
    """The Anthropic API key: a Secret that you create in the Gateway's namespace. It reaches the gateway as a file."""
    base_url: BaseUrl | None = Field(default=None, alias="baseURL")
    """Base URL of the API, for a proxy or a test server. The Anthropic API, where left out."""


class AuthSpec(ApiModel):
    """How clients prove to the gateway who they are."""

    mode: Literal["token"] = "token"
    """The kind of authentication: token, one shared token for the tenant's integrations."""
    token_secret_ref: TokenSecretRef | None = None
    """A Secret with the token. Where left out, a token is generated into the Secret NAME-token of this namespace."""


class RbacSpec(ApiModel):
    """Who may do what at the gateway."""

    enabled: bool = False
    """Whether roles are looked up. Where off, everybody with the token is a user."""
    default_role: Role = "user"
    """Role of a principal that no assignment names."""
    assignments: Annotated[
        Mapping[str, Annotated[Role, Field(description="Role of this principal.")]],
        Field(
            max_length=MAX_ASSIGNMENTS,
            json_schema_extra=validation(
                "self.all(principal, size(principal) >= 1 && size(principal) <= 256)",
                "a principal's name must have 1 to 256 characters",
            ),
        ),
    ] = {}
    """Role by principal. The shared token is the principal token:shared."""


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


Cidr = Annotated[
    str,
    Field(
        description="A network in CIDR form, such as 10.0.0.0/8.",
        max_length=43,
        json_schema_extra=validation(
            "isCIDR(self) && cidr(self) == cidr(self).masked()",
            "must be a network in CIDR form without host bits, such as 10.0.0.0/8 or fd00::/8",
        ),
    ),
]


class GatewaySpec(ApiModel):
    """What the tenant's gateway should be."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.defaultAgent) || self.defaultAgent in self.agents",
                    "message": "defaultAgent must be one of the keys of spec.agents",
                    "fieldPath": ".defaultAgent",
                },
                {
                    "rule": "!has(self.bindings) || self.bindings.all(b, b.agentId in self.agents)",
                    "message": "each binding's agentId must be one of the keys of spec.agents",
                    "fieldPath": ".bindings",
                },
            ]
        }
    )

    image: ImageSpec = ImageSpec()
    """The gateway image, where it should differ from the operator's default."""
    port: Annotated[int, Field(ge=1024, le=65535)] = DEFAULT_PORT
    """Port of the gateway's Service and of its pods."""
    log_level: LogLevel = "info"
    """How much the gateway logs. Changes take effect without a restart."""
    provider: ProviderSpec
    """The Anthropic API and the key for it."""
    auth: AuthSpec = AuthSpec()
    """How clients authenticate."""
    rbac: RbacSpec = RbacSpec()
    """Roles of principals."""
    agents: Annotated[
        Mapping[str, AgentSpec],
        Field(
            min_length=1,
            max_length=MAX_AGENTS,
            json_schema_extra=validation(
                f"self.all(id, id.matches('{AGENT_ID_PATTERN}'))",
                "an agent's id must have 1 to 63 lower-case letters, digits, - and _ and start with a letter or digit",
            ),
        ),
    ]
    """The tenant's agents by id. At least one."""
    default_agent: AgentId | None = None
    """The agent that answers where no binding matches. Where left out: main, or the only one."""
    bindings: Annotated[tuple[InlineBinding, ...], Field(max_length=MAX_BINDINGS)] = ()
    """Routes that belong to the Gateway itself. AgentBinding objects add to them."""
    trusted_proxies: Annotated[tuple[Cidr, ...], Field(max_length=64)] = ()
    """Networks of reverse proxies whose forwarded headers tell the client's address and scheme, and nothing else."""


class GatewayStatus(ApiModel):
    """What the operator last saw of the gateway."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """Generation of the spec that this status describes."""
    conditions: Conditions = ()
    """Ready sums up the others. Reconciling and Stalled are there only while they are true."""
    endpoint: Annotated[str, Field(max_length=512)] | None = None
    """URL of the gateway within the cluster."""
    replicas: Annotated[int, Field(ge=0)] | None = None
    """Number of the gateway's pods."""
    ready_replicas: Annotated[int, Field(ge=0)] | None = None
    """Number of the gateway's pods that are ready."""
    selector: Annotated[str, Field(max_length=512)] | None = None
    """Label selector of the gateway's pods."""
    agents: Annotated[int, Field(ge=0)] | None = None
    """Number of agents."""
    bindings: Annotated[int, Field(ge=0)] | None = None
    """Number of routes in effect: inline ones and accepted AgentBindings."""
    config_hash: Annotated[str, Field(max_length=64)] | None = None
    """SHA-256 of the configuration that the gateway should serve; its /ready tells what it does serve."""
    token_secret_name: Annotated[str, Field(max_length=253)] | None = None
    """Name of the Secret with the token that clients present."""
    version: Annotated[str, Field(max_length=512)] | None = None
    """Image that the gateway should run."""


def child_name(gateway_name: str) -> str:
    """Name of the Deployment, Service, ConfigMap and ServiceAccount of a Gateway."""
    return f"{gateway_name}-gateway"


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One key of a Secret of the Gateway's namespace that the gateway needs."""

    name: str
    key: str
    purpose: str
    """What it is, for a person: ``API key`` or ``token``."""
    field: str
    """Where the Gateway names it, or would."""
    generated: bool = False
    """Whether the operator makes the Secret itself."""


@dataclass(frozen=True, slots=True)
class Gateway(Resource[GatewaySpec]):
    """A Gateway as it was last read."""

    model = GatewaySpec

    @property
    def token_secret_name(self) -> str:
        """Name of the Secret with the token: the one referred to, else the one that the operator generates."""
        reference = self.spec.auth.token_secret_ref
        return reference.name if reference else f"{self.meta.name}-token"

    @property
    def secrets(self) -> tuple[SecretUse, ...]:
        """Every key of a Secret that the gateway needs, in the order in which a user should see to them."""
        token, api_key = self.spec.auth.token_secret_ref, self.spec.provider.api_key_secret_ref
        token_key = token.key if token else TOKEN_KEY
        return (
            SecretUse(self.token_secret_name, token_key, "token", "spec.auth.tokenSecretRef", generated=token is None),
            SecretUse(api_key.name, api_key.key, "API key", "spec.provider.apiKeySecretRef"),
        )

    @property
    def default_agent(self) -> str | None:
        """The agent that answers where no binding matches: the one named, else ``main``, else the only one."""
        if self.spec.default_agent is not None:
            return self.spec.default_agent
        if "main" in self.spec.agents:
            return "main"
        return next(iter(self.spec.agents)) if len(self.spec.agents) == 1 else None
