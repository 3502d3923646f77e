"""The Gateway resource: one tenant's AI-agent gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from pydantic import ConfigDict, Field

from tenantry_config.document import DEFAULT_PORT, LogLevel
from tenantry_config.names import AGENT_ID_PATTERN
from tenantry_operator.api.v1alpha1.agents import MAX_AGENTS, MAX_BINDINGS, AgentSpec, InlineBinding, ProviderSpec
from tenantry_operator.api.v1alpha1.allowed_bindings import MAX_RULES, AllowedBindings
from tenantry_operator.api.v1alpha1.common import (
    AgentId,
    ApiModel,
    Cidr,
    Conditions,
    Resource,
    validation,
)
from tenantry_operator.api.v1alpha1.exposure import ExposureSpec
from tenantry_operator.api.v1alpha1.identity import TOKEN_KEY, AuthSpec, RbacSpec
from tenantry_operator.api.v1alpha1.image import ImageSpec
from tenantry_operator.api.v1alpha1.monitoring import MonitoringSpec
from tenantry_operator.api.v1alpha1.network import NetworkPolicySpec
from tenantry_operator.api.v1alpha1.rules import ListMap, Rule
from tenantry_operator.api.v1alpha1.scheduling import Affinity, NodeSelector, Tolerations, TopologySpreadConstraints
from tenantry_operator.api.v1alpha1.storage import STORAGE_RULES, DeletionPolicy, StorageSpec
from tenantry_operator.api.v1alpha1.workload import (
    DEFAULT_GRACE_SECONDS,
    MAX_REPLICAS,
    MIN_GRACE_SECONDS,
    ClassName,
    EnvVar,
    PodAnnotations,
    PodLabels,
    Resources,
    ServiceAccountSpec,
)

KIND = "Gateway"
MAX_REQUEST = 128
"""Characters of a value of the rotation annotation that is kept as it is; a longer one is told by its digest."""
MAX_ENV = 64


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
                *STORAGE_RULES,
                {
                    "rule": "!has(self.allowedBindings) || self.allowedBindings.all(rule, !has(rule.agents) || "
                    "rule.agents.all(agent, agent in self.agents))",
                    "message": "each agent in allowedBindings must be one of the keys of spec.agents",
                    "fieldPath": ".allowedBindings",
                },
            ]
        }
    )

    rules = (
        Rule(
            "self.replicas <= 1 || 'ReadWriteMany' in self.storage.accessModes",
            "two replicas on a volume that only one node can mount would lose data: set storage.accessModes to "
            "[ReadWriteMany], or replicas to 1",
            lambda self: self.replicas <= 1 or "ReadWriteMany" in self.storage.access_modes,
            ".replicas",
        ),
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
    allowed_bindings: Annotated[
        tuple[AllowedBindings, ...],
        Field(max_length=MAX_RULES, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Which AgentBindings of other namespaces may attach: those that one of these rules allows. None, where left out.
    They never win over routes of the Gateway itself or of its own namespace."""
    replicas: Annotated[int, Field(ge=0, le=MAX_REPLICAS)] = 1
    """How many pods the gateway has. With more than one, one serves and the others stand by, not ready, until it ends.
    0 is the same as suspended. Leave it out where a HorizontalPodAutoscaler sets it."""
    suspended: bool = False
    """Whether the gateway has no pods for now. Everything else is kept, and it comes back as it was."""
    resources: Resources = Resources()
    """What the gateway's container needs, and may use."""
    node_selector: NodeSelector = Field(default_factory=dict)
    """Labels of the nodes that the pods may run on."""
    tolerations: Tolerations = ()
    """Taints of nodes that the pods put up with."""
    affinity: Affinity | None = None
    """Which nodes, and near to or away from which other pods, the pods run."""
    topology_spread_constraints: TopologySpreadConstraints = ()
    """How evenly the pods are spread over nodes or zones."""
    priority_class_name: ClassName | None = None
    """PriorityClass of the pods. The cluster's default, where left out."""
    runtime_class_name: ClassName | None = None
    """RuntimeClass of the pods, such as one that runs them in a sandbox. The cluster's default, where left out."""
    service_account: ServiceAccountSpec = ServiceAccountSpec()
    """The service account that the pods run under."""
    pod_labels: PodLabels = Field(default_factory=dict)
    """Further labels of the pods."""
    pod_annotations: PodAnnotations = Field(default_factory=dict)
    """Further annotations of the pods."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=MAX_ENV), ListMap(("name",))] = ()
    """Further variables of the gateway's environment, such as HTTPS_PROXY. Changes restart the gateway."""
    termination_grace_period_seconds: Annotated[int, Field(ge=MIN_GRACE_SECONDS, le=3600)] = DEFAULT_GRACE_SECONDS
    """How long a pod may take to end: for all but 20 seconds of it, requests in flight are finished."""
    trusted_proxies: Annotated[tuple[Cidr, ...], Field(max_length=64)] = ()
    """Networks of reverse proxies whose forwarded headers tell the client's address and scheme, and nothing else."""
    network_policy: NetworkPolicySpec = NetworkPolicySpec()
    """Who may reach the gateway, and what it may reach."""
    exposure: ExposureSpec = ExposureSpec()
    """How the gateway is reached from outside the cluster. Not at all, where left out."""
    monitoring: MonitoringSpec = MonitoringSpec()
    """Scraping and alerts by Prometheus Operator. None, where left out."""
    storage: StorageSpec = StorageSpec()
    """The volume with the gateway's state."""
    deletion_policy: DeletionPolicy = "Retain"
    """What becomes of the volume when the Gateway is deleted. Retain: its PersistentVolumeClaim stays, and a Gateway of
    the same name uses it again. Delete: it goes with the Gateway."""


class GatewayStatus(ApiModel):
    """What the operator last saw of the gateway."""

    observed_generation: Annotated[int, Field(ge=-1)] | None = None
    """Generation of the spec that this status describes; -1 until the operator has looked at the object."""
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
    last_token_rotation: Annotated[str, Field(max_length=MAX_REQUEST)] | None = None
    """The value of the annotation tenantry.dev/rotate-token that was served last: the token is new since then."""
    volume_size: Annotated[str, Field(max_length=32)] | None = None
    """Size of the volume that the gateway has, once it has one."""
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
    def rotation_request(self) -> str:
        """The rotation of the token that the annotation asks for; empty for none."""
        value = self.meta.rotate_token
        return value if len(value) <= MAX_REQUEST else f"sha256:{sha256(value.encode()).hexdigest()}"

    @property
    def replicas(self) -> int:
        """How many pods there should be now."""
        return 0 if self.spec.suspended else self.spec.replicas

    @property
    def secrets(self) -> tuple[SecretUse, ...]:
        """Every key of a Secret that reaches the gateway as a file, in the order in which a user should see to them."""
        token, api_key = self.spec.auth.token_secret_ref, self.spec.provider.api_key_secret_ref
        token_key = token.key if token else TOKEN_KEY
        return (
            SecretUse(self.token_secret_name, token_key, "token", "spec.auth.tokenSecretRef", generated=token is None),
            SecretUse(api_key.name, api_key.key, "API key", "spec.provider.apiKeySecretRef"),
        )

    @property
    def secret_uses(self) -> tuple[SecretUse, ...]:
        """Every key of a Secret without which the gateway does not run: files first, then environment variables."""
        references = (
            (index, variable.name, variable.value_from.secret_key_ref if variable.value_from else None)
            for index, variable in enumerate(self.spec.env)
        )
        variables = (
            SecretUse(reference.name, reference.key, f"variable {name}", f"spec.env[{index}].valueFrom.secretKeyRef")
            for index, name, reference in references
            if reference is not None and not reference.optional
        )
        return (*self.secrets, *variables)

    @property
    def default_agent(self) -> str | None:
        """The agent that answers where no binding matches: the one named, else ``main``, else the only one."""
        if self.spec.default_agent is not None:
            return self.spec.default_agent
        if "main" in self.spec.agents:
            return "main"
        return next(iter(self.spec.agents)) if len(self.spec.agents) == 1 else None
