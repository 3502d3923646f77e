"""``spec.allowedBindings`` of a Gateway: which AgentBindings of other namespaces it takes.

Whoever writes the Gateway consents: a namespace, the agents and the channels. What no rule allows does not exist for
the other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from tenantry_operator.api.v1alpha1.common import (
    AgentId,
    ApiModel,
    NamespaceName,
    validation,
)
from tenantry_operator.api.v1alpha1.selectors import LabelSelector, LabelSelectorRequirement

MAX_RULES = 32
_SET = Field(min_length=1, max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"})

_EMPTY_SELECTOR = "an empty selector selects every namespace: if that is meant, set from to All and leave selector out"
_NAMES = "names must be given where from is Names, and only there"
_SELECTOR = "selector must be given where from is Selector, and only there"

Labels = Mapping[str, str]
Item = TypeVar("Item")


def _distinct(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if len(set(items)) < len(items):
        raise ValueError("must not hold a value twice")
    return items


Channel = Annotated[
    str,
    Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$", description="Name of a channel."),
]
Agent = Annotated[AgentId, Field(description="A key of spec.agents.")]
Namespace = Annotated[NamespaceName, Field(description="Name of a namespace.")]


class NamespaceSelector(LabelSelector):
    """Selects namespaces by their labels; all requirements must hold."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "(has(self.matchLabels) && self.matchLabels.size() > 0) || "
            "(has(self.matchExpressions) && self.matchExpressions.size() > 0)",
            _EMPTY_SELECTOR,
        )
    )

    @model_validator(mode="after")
    def _selects_by_something(self) -> Self:
        if not self.match_labels and not self.match_expressions:
            raise ValueError(_EMPTY_SELECTOR)
        return self

    def matches(self, labels: Labels) -> bool:
        """Whether a namespace with these labels is selected."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            _holds(requirement, labels) for requirement in self.match_expressions
        )


def _holds(requirement: LabelSelectorRequirement, labels: Labels) -> bool:
    """Whether labels meet a requirement, as Kubernetes decides it: NotIn holds where the label is absent."""
    key = requirement.key
    match requirement.operator:
        case "In":
            return key in labels and labels[key] in requirement.values
        case "NotIn":
            return labels.get(key) not in requirement.values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels


class BindingNamespaces(ApiModel):
    """Which other namespaces' AgentBindings may attach."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "(self.from == 'Names') == (has(self.names))",
                    "message": _NAMES,
                    "fieldPath": ".names",
                },
                {
                    "rule": "(self.from == 'Selector') == has(self.selector)",
                    "message": _SELECTOR,
                    "fieldPath": ".selector",
                },
            ]
        }
    )

    source: Literal["Names", "Selector", "All"] = Field(alias="from")
    """Names: those listed. Selector: those whose labels match. All: every namespace of the cluster."""
    names: Annotated[tuple[Namespace, ...], _SET, AfterValidator(_distinct)] | None = None
    """Names of namespaces, for Names."""
    selector: NamespaceSelector | None = None
    """Labels of namespaces, for Selector. Whoever may label a namespace decides whether it matches."""

    @model_validator(mode="after")
    def _just_what_from_says(self) -> Self:
        for given, source, message in ((self.names, "Names", _NAMES), (self.selector, "Selector", _SELECTOR)):
            if (given is not None) != (self.source == source):
                raise ValueError(message)
        return self

    def include(self, namespace: str, labels: Labels | None) -> bool:
        """Whether a namespace is meant; ``labels`` are None where they are not known: then no selector matches."""
        match self.source:
            case "Names":
                return namespace in (self.names or ())
            case "Selector":
                return self.selector is not None and labels is not None and self.selector.matches(labels)
            case "All":
                return True


class AllowedBindings(ApiModel):
    """Consent to AgentBindings of other namespaces."""

    namespaces: BindingNamespaces
    """The namespaces that this rule is about. The Gateway's own needs no rule."""
    agents: Annotated[tuple[Agent, ...], _SET, AfterValidator(_distinct)] | None = None
    """Agents that they may route to. All of them, where left out."""
    channels: Annotated[tuple[Channel, ...], _SET, AfterValidator(_distinct)] | None = None
    """Channels whose messages they may take. All of them, and bindings of channel *, where left out."""

    def allows_agent(self, agent: str) -> bool:
        """Whether the rule lets others route to an agent of the Gateway."""
        return self.agents is None or agent in self.agents

    def allows_channel(self, channel: str) -> bool:
        """Whether the rule lets others take a channel's messages; ``*`` takes those of every channel."""
        return self.channels is None or channel in self.channels
