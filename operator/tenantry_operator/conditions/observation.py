"""What the engine saw of a tenant: the only input of the status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.quantity import amount, canonical
from tenantry_operator.api.v1alpha1.upstream import Upstream
from tenantry_operator.conditions import reasons

RouteId = tuple[str, int]
"""Uid and generation of an AgentBinding."""


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """What is known of a Secret without its values."""

    name: str
    keys: frozenset[str] | None
    """Its non-empty keys; None where the Secret is absent."""


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """The status of the gateway's Deployment."""

    generation: int
    observed_generation: int
    replicas: int
    updated: int
    ready: int
    available: int
    conditions: Sequence[Mapping[str, Any]] = ()
    wanted: int = 1
    """spec.replicas."""
    image_defaults: str = ""
    """The operator's defaults that its pods were made from; empty where it does not say."""


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod of the gateway."""

    name: str
    uid: str
    ready: bool
    ip: str
    refresh: str | None
    """Value of the refresh annotation."""
    deleting: bool
    problem: str | None
    """Why it does not run: a container's waiting reason with its message, or why it cannot be scheduled."""
    has_files: bool = True
    """Whether it may have mounted its volumes: it has a node, and has not finished."""


@dataclass(frozen=True, slots=True)
class TokenView:
    """The Secret with the generated token, without any token. Times are None where there is none, or nonsense."""

    created: datetime
    has_token: bool = True
    has_previous: bool = False
    phase: Literal["", "Staged", "Overlap"] = ""
    """Of a rotation; empty while there is none."""
    staged_at: datetime | None = None
    rotated_at: datetime | None = None
    request: str = ""
    """Value of the Gateway's annotation that was served last."""
    version: str = ""
    """What pods report that have loaded the staged token; empty if it is not as the operator wrote it."""
    unconfirmed: str = ""
    """Pods that had not reported it when it became the token."""

    @property
    def since(self) -> datetime | None:
        """When the phase began."""
        if self.phase == "":
            return self.rotated_at or self.created
        return self.staged_at if self.phase == "Staged" else self.rotated_at


@dataclass(frozen=True, slots=True)
class ClaimView:
    """The PersistentVolumeClaim with the gateway's state."""

    phase: str
    """Pending, Bound or Lost."""
    requested: str
    capacity: str
    """What the volume has; empty until there is one."""
    storage_class: str | None
    """None where the cluster had no default one; empty for a volume without a class."""
    access_modes: tuple[str, ...]
    volume: str
    """Name of the PersistentVolume; empty until there is one."""
    owned: bool
    """Whether it goes with the Gateway."""
    deleting: bool
    scheduled: bool
    """Whether a pod that uses it has been given a node."""
    resizing: str
    """What is known of the volume's growth, in Kubernetes' words; empty where nothing is."""
    applied: Mapping[str, Any] = field(default_factory=dict)
    """The fields of its spec that the operator applied."""

    @property
    def infeasible(self) -> bool:
        """Whether its storage driver has given up making it as large as is asked for."""
        return self.resizing.endswith("Infeasible")

    def without_growth(self, size: str) -> str:
        """What to ask for where ``size`` is wanted and nothing is to grow: what is asked for already, or less than that
        where the driver has given up. Kubernetes takes back no more than what the volume does not have yet."""
        given_up = self.infeasible and amount(self.capacity or "0") < amount(size) < amount(self.requested)
        return canonical(size) if given_up else self.requested

    def lacks(self, size: str) -> bool:
        """Whether it has to grow to have ``size``."""
        return amount(size) > max((amount(each) for each in (self.requested, self.capacity) if each), default=0)


@dataclass(frozen=True, slots=True)
class StorageClassView:
    """A StorageClass."""

    name: str
    default: bool
    expandable: bool
    """Whether its volumes may grow."""
    waits: bool
    """Whether it makes a volume only when a pod that uses it is scheduled."""
    provisioned: bool
    """Whether anything makes its volumes; people do otherwise."""


@dataclass(frozen=True, slots=True)
class ParentView:
    """What one controller says of an HTTPRoute at one parent."""

    reference: Mapping[str, Any]
    """The parentRef that it speaks of, as the controller wrote it."""
    controller: str
    conditions: Sequence[Mapping[str, Any]] = ()
    """Type, status, reason, message and observedGeneration of each."""


@dataclass(frozen=True, slots=True)
class RouteView:
    """The gateway's HTTPRoute."""

    generation: int
    parents: tuple[ParentView, ...] = ()


@dataclass(frozen=True, slots=True)
class IngressView:
    """The gateway's Ingress."""

    addresses: tuple[str, ...] = ()
    """IP addresses and host names under which its controller says it is reached."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the operator could not do its work for this Gateway: a reason and what to do about it."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided about one AgentBinding."""

    binding: AgentBinding
    accepted: bool
    reason: str
    message: str
    shadowed_by: str | None = None
    """The binding that always wins over this one, as the binding may know it."""
    suspended: bool = False
    """Whether the Gateway that accepts it has no pods, on purpose."""

    @property
    def stranger(self) -> bool:
        """Whether it is of a namespace to which the Gateway does not exist: the Gateway is not told either."""
        return self.binding.foreign and self.reason == reasons.GATEWAY_NOT_FOUND


class Rendered(Protocol):
    """What the status says of the desired set (``resources.desired.Desired``)."""

    @property
    def config_hash(self) -> str:
        """SHA-256 of the configuration."""

    @property
    def image(self) -> str:
        """Image of the gateway."""

    @property
    def endpoint(self) -> str:
        """URL within the cluster."""

    @property
    def selector(self) -> str:
        """Label selector of the pods."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A Gateway, what it should have, and what was found."""

    gateway: Gateway
    desired: Rendered | None
    secrets: Mapping[str, SecretKeys] = field(default_factory=dict)
    """By name. A Secret that is not here was not looked at."""
    deployment: DeploymentView | None = None
    pods: tuple[PodView, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    served: Mapping[str, str] = field(default_factory=dict)
    """The configuration hash that each pod reports, by the pod's name."""
    contents: Mapping[str, frozenset[RouteId]] = field(default_factory=dict)
    """The AgentBindings in each configuration that is known, by its hash."""
    claim: ClaimView | None = None
    storage_classes: Mapping[str, StorageClassView] | None = None
    """By name; None where the operator cannot see them."""
    growth_refused: Problem | None = None
    """Why the API server did not let the claim grow."""
    policy_exists: bool | None = None
    """Whether the NetworkPolicy is there."""
    upstream: Upstream | None = None
    """Where the base URL leads."""
    problem: Problem | None = None
    token: TokenView | None = None
    """The generated token; None where there is none."""
    waits_for_image: bool = False
    """Whether a changed default image has not come to this Gateway yet, since others come first."""
    blind_selectors: Problem | None = None
    """Why namespaces cannot be selected by their labels, where the Gateway does so and they cannot."""
    missing_apis: frozenset[str] = frozenset()
    """Kinds, by name, that the Gateway wants and the API server does not serve."""
    extra_problems: Mapping[str, Problem] = field(default_factory=dict)
    """By the kind's name: what kept an optional object from being as it should be."""
    http_route: RouteView | None = None
    ingress: IngressView | None = None
    extras: frozenset[str] = frozenset()
    """Kinds, by name, of the optional objects that are there."""
