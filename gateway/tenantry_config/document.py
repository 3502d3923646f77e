"""The configuration document, `config.yaml`, as frozen models.

The keys are the enterprise guide's own, in camelCase; DESIGN section 4 lists what extends them. Unknown keys are
refused. Nothing here reads files or the environment: `tenantry_config.load` does the substitution.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from tenantry_config.names import AGENT_ID_PATTERN, ANY
from tenantry_config.template import TemplateError, validate_directory_template, validate_template

DEFAULT_PORT: Final = 18789
DEFAULT_MAX_TOKENS: Final = 4096

Role = Literal["admin", "operator", "user", "viewer"]
LogLevel = Literal["debug", "info", "warn", "error"]
ToolPolicy = Literal["none", "read-only", "standard", "elevated"]
SessionMode = Literal["persistent", "ephemeral"]


def is_header_safe(secret: str) -> bool:
    """Whether an HTTP header can carry `secret` as a token: printable ASCII, no spaces, not empty."""
    return re.fullmatch(r"[!-~]+", secret) is not None


def _integer(value: object) -> object:
    """Digits in a string are a number, for `port: ${PORT}`; a boolean is not."""
    if isinstance(value, bool) or (isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,9}", value)):
        raise PydanticCustomError("int_type", "must be a whole number")
    return value


def _bind_address(value: str) -> str:
    """An IP address or `localhost`; a name that a resolver might change tomorrow is no place to listen."""
    if value != "localhost":
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise PydanticCustomError("bind", "must be an IP address or localhost") from None
    return value


def _network(value: str) -> str:
    """A CIDR or a single address."""
    try:
        ipaddress.ip_network(value)
    except ValueError:
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise PydanticCustomError("cidr", "must be a network such as 10.0.0.0/8") from None
        raise PydanticCustomError("cidr", "has host bits set: write {network}", {"network": str(network)}) from None
    return value


def _base_url(value: str) -> str:
    """An http or https URL without credentials, query or fragment, and without a trailing slash."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[!-~]+", value):
        raise PydanticCustomError("url", "must be a URL such as https://api.anthropic.com")
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise PydanticCustomError("url", "must have no credentials, query or fragment")
    return value.rstrip("/")


def _header_safe(value: SecretStr) -> SecretStr:
    if not is_header_safe(value.get_secret_value()):
        raise PydanticCustomError("secret", "must be printable ASCII without spaces, and not empty")
    return value


def _any_is_absent(value: object) -> object:
    """`channelId: "*"` says what leaving the field out says."""
    return None if value == ANY else value


def _session_key(value: str) -> str:
    try:
        validate_template(value)
    except TemplateError as error:
        raise PydanticCustomError("template", "{reason}", {"reason": str(error)}) from None
    return value


def _session_dir(value: str) -> str:
    try:
        validate_directory_template(value)
    except TemplateError as error:
        raise PydanticCustomError("template", "{reason}", {"reason": str(error)}) from None
    return value


Port = Annotated[int, BeforeValidator(_integer), Field(ge=1, le=65535)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
AgentId = Annotated[str, Field(pattern=AGENT_ID_PATTERN)]
Secret = Annotated[SecretStr, Field(max_length=4096), AfterValidator(_header_safe)]


class Section(BaseModel):
    """Every part of the document: frozen, camelCase in YAML, no unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


class AuthSection(Section):
    """How callers prove who they are. `token` absent: the gateway takes GATEWAY_TOKEN's value."""

    mode: Literal["token"] = "token"
    token: Secret | None = None


class GatewaySection(Section):
    """Where the gateway listens and whom it believes. `bind` absent: 127.0.0.1."""

    port: Port = DEFAULT_PORT
    bind: Annotated[str, AfterValidator(_bind_address)] | None = None
    log_level: LogLevel = "info"
    auth: AuthSection = AuthSection()
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()


class ProviderConfig(Section):
    """The Anthropic API. `api_key` absent: ANTHROPIC_API_KEY's value; `base_url` absent: ANTHROPIC_BASE_URL's."""

    api_key: Secret | None = None
    base_url: Annotated[str, Field(max_length=2048), AfterValidator(_base_url)] | None = None


class RbacConfig(Section):
    """Roles of principals. While off, every authenticated caller is a `user`."""

    enabled: bool = False
    default_role: Role = "user"
    assignments: dict[Name, Role] = Field(default_factory=dict)

    def role_of(self, principal: str) -> Role:
        """The role in force: the assignment, else the default; `user` while rbac is off."""
        return self.assignments.get(principal, self.default_role) if self.enabled else "user"


class ToolsConfig(Section):
    """Which tools an agent may use at most."""

    policy: ToolPolicy = "none"


class SessionConfig(Section):
    """Whether an agent's conversations outlive the process, and in which directory they are kept."""

    mode: SessionMode = "persistent"
    dir: Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_session_dir)] | None = None


class AgentConfig(Section):
    """One Claude agent."""

    model: Name
    system: Annotated[str, Field(max_length=262_144)] | None = None
    max_tokens: Annotated[int, BeforeValidator(_integer), Field(ge=1, le=1_000_000)] = DEFAULT_MAX_TOKENS
    tools: ToolsConfig = ToolsConfig()
    session: SessionConfig = SessionConfig()


class BindingConfig(Section):
    """Who is answered by which agent. `name` is set for an AgentBinding, `namespace` for one of another namespace."""

    channel: Name
    channel_id: Annotated[Name | None, BeforeValidator(_any_is_absent)] = None
    sender_id: Annotated[Name | None, BeforeValidator(_any_is_absent)] = None
    agent_id: AgentId
    session_key: Annotated[str, AfterValidator(_session_key)] | None = None
    priority: Annotated[int, BeforeValidator(_integer), Field(ge=-1_000_000, le=1_000_000)] = 0
    name: Name | None = None
    namespace: Name | None = None

    @model_validator(mode="after")
    def _namespace_needs_name(self) -> Self:
        if self.namespace is not None and self.name is None:
            raise PydanticCustomError("binding_name", "namespace needs name: both identify an AgentBinding")
        return self


class Config(Section):
    """The whole document."""

    gateway: GatewaySection = GatewaySection()
    provider: ProviderConfig = ProviderConfig()
    rbac: RbacConfig = RbacConfig()
    agents: dict[AgentId, AgentConfig] = Field(default_factory=dict)
    default_agent: AgentId | None = None
    bindings: tuple[BindingConfig, ...] = ()

    @property
    def fallback_agent(self) -> str | None:
        """The agent for messages that no binding matches: `defaultAgent`, else `main`, else the only one."""
        if self.default_agent is not None:
            return self.default_agent
        if "main" in self.agents:
            return "main"
        return next(iter(self.agents)) if len(self.agents) == 1 else None
