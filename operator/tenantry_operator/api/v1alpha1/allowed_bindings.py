"""``spec.allowedBindings`` of a Gateway: which AgentBindings of other namespaces it takes.

Whoever writes the Gateway consents: a namespace, the agents and the channels. What no rule allows does not exist for
the other side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from tenantry_operator.api.v1alpha1.common import (
    AgentId,
    ApiModel,
    NamespaceName,
    validation,
)

MAX_RULES = 32
_SET = {"x-kubernetes-list-type": "set"}
_ATOMIC = {"x-kubernetes-list-type": "atomic"}

Labels = Mapping[str, str]
_NAME = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PREFIX = "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
LABEL_KEY = f"^({_PREFIX}/)?{_NAME}$"
LabelValue = Annotated[
    str, Field(max_length=63, pattern=f"^({_NAME})?$", description="A value of the label; it may be empty.")
]
Channel = Annotated[
    str,
    Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$", description="Name of a channel."),
]
Agent = Annotated[AgentId, Field(description="A key of spec.agents.")]
Namespace = Annotated[NamespaceName, Field(description="Name of a namespace.")]


class NamespaceExpression(ApiModel):
    """One requirement on a namespace's labels."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
            "values must be given with the operators In and NotIn, and left out with Exists and DoesNotExist",
        )
    )

    key: Annotated[str, Field(min_length=1, max_length=317, pattern=LABEL_KEY)]
    """The label's key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label must relate to the values."""
    values: Annotated[tuple[LabelValue, ...], Field(max_length=32, json_schema_extra=_ATOMIC)] = ()
    """Values of the label, for In and NotIn."""

    def matches(self, labels: Labels) -> bool:
        """Whether labels meet the requirement, as Kubernetes decides it: NotIn holds where the label is absent."""
        match self.operator:
            case "In":
                return self.key in labels and labels[self.key] in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels


class NamespaceSelector(ApiModel):
    """Selects namespaces by their labels; all requirements must hold."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "(has(self.matchLabels) && self.matchLabels.size() > 0) || "
            "(has(self.matchExpressions) && self.matchExpressions.size() > 0)",
            "an empty selector selects every namespace: if that is meant, set from to All and leave selector out",
        )
    )

    match_labels: Annotated[
        Mapping[str, LabelValue],
        Field(
            max_length=16,
            json_schema_extra=validation(
                f"self.all(key, key.size() <= 317 && key.matches('{LABEL_KEY}'))",
                "each key must be a label's key, such as example.com/team",
            ),
        ),
    ] = Field(default_factory=dict)
    """Labels that the namespace must have with these values."""
    match_expressions: Annotated[tuple[NamespaceExpression, ...], Field(max_length=16, json_schema_extra=_ATOMIC)] = ()
    """Requirements on the namespace's labels."""

    def matches(self, labels: Labels) -> bool:
        """Whether a namespace with these labels is selected; an empty selector selects none."""
        if not self.match_labels and not self.match_expressions:
            return False
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            expression.matches(labels) for expression in self.match_expressions
        )


class BindingNamespaces(ApiModel):
    """Which other namespaces' AgentBindings may attach."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "(self.from == 'Names') == (has(self.names))",
                    "message": "names must be given where from is Names, and only there",
                    "fieldPath": ".names",
                },
                {
                    "rule": "(self.from == 'Selector') == has(self.selector)",
                    "message": "selector must be given where from is Selector, and only there",
                    "fieldPath": ".selector",
                },
            ]
        }
    )

    source: Literal["Names", "Selector", "All"] = Field(alias="from")
    """Names: those listed. Selector: those whose labels match. All: every namespace of the cluster."""
    names: Annotated[tuple[Namespace, ...], Field(min_length=1, max_length=64, json_schema_extra=_SET)] | None = None
    """Names of namespaces, for Names."""
    selector: NamespaceSelector | None = None
    """Labels of namespaces, for Selector. Whoever may label a namespace decides whether it matches."""

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
    agents: Annotated[tuple[Agent, ...], Field(min_length=1, max_length=64, json_schema_extra=_SET)] | None = None
    """Agents that they may route to. All of them, where left out."""
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=64, json_schema_extra=_SET)] | None = None
    """Channels whose messages they may take. All of them, and bindings of channel *, where left out."""

    def allows_agent(self, agent: str) -> bool:
        """Whether the rule lets others route to an agent of the Gateway."""
        return self.agents is None or agent in self.agents

    def allows_channel(self, channel: str) -> bool:
        """Whether the rule lets others take a channel's messages; ``*`` takes those of every channel."""
        return self.channels is None or channel in self.channels


def rules_for(rules: Iterable[AllowedBindings], namespace: str, labels: Labels | None) -> tuple[AllowedBindings, ...]:
    """The rules that are about a namespace. ``labels`` are the namespace's, None where they are not known."""
    return tuple(rule for rule in rules if rule.namespaces.include(namespace, labels))
