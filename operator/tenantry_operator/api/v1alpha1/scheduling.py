"""``spec.nodeSelector``, ``tolerations``, ``affinity`` and ``topologySpreadConstraints``: where the pods may run.

The fields are Kubernetes' own, and so is the validation, with bounds added. What Kubernetes only warns of is refused.
Source: k8s.io/kubernetes/pkg/apis/core/validation and pkg/api/pod/warnings.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tenantry_operator.api.v1alpha1.common import DNS_LABEL, ApiModel
from tenantry_operator.api.v1alpha1.labels import VALID_KEYS, keys_of
from tenantry_operator.api.v1alpha1.rules import ATOMIC, ListMap, ListSet, Rule
from tenantry_operator.api.v1alpha1.selectors import LabelKey, LabelSelector, LabelValue

MAX_TERMS = 8
MAX_EXPRESSIONS = 16
INT32 = 2**31 - 1

DEPRECATED_NODE_LABELS = (
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "beta.kubernetes.io/instance-type",
    "app.kubernetes.io/created-by",
    "scheduler.alpha.kubernetes.io/preferAvoidPods",
    "node-role.kubernetes.io/master",
)
_DEPRECATED = f"[{', '.join(map(repr, DEPRECATED_NODE_LABELS))}]"
_DEPRECATED_MESSAGE = (
    "this label of nodes is deprecated: use kubernetes.io/arch, kubernetes.io/os, topology.kubernetes.io/region, "
    "topology.kubernetes.io/zone, node.kubernetes.io/instance-type or node-role.kubernetes.io/control-plane"
)

NodeLabelKey = Annotated[
    LabelKey,
    Rule(f"!(self in {_DEPRECATED})", _DEPRECATED_MESSAGE, lambda key: key not in DEPRECATED_NODE_LABELS),
]
Weight = Annotated[int, Field(ge=1, le=100)]
NamespaceName = Annotated[
    str, Field(description="Name of a namespace.", min_length=1, max_length=63, pattern=f"^{DNS_LABEL}$")
]
NodeName = Annotated[
    str,
    Field(description="Name of a node.", min_length=1, max_length=253, pattern=rf"^{DNS_LABEL}([.]{DNS_LABEL})*$"),
]


class Toleration(ApiModel):
    """A taint of nodes that the gateway's pods put up with."""

    rules = (
        Rule(
            "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
            "without a key, which means every taint, operator must be Exists",
            lambda self: self.key is not None or self.operator == "Exists",
            ".operator",
        ),
        Rule(
            "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
            "with the operator Exists there is no value: remove it, or set operator to Equal",
            lambda self: self.operator != "Exists" or not self.value,
            ".value",
        ),
        Rule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds needs the effect NoExecute",
            lambda self: self.toleration_seconds is None or self.effect == "NoExecute",
            ".effect",
        ),
    )

    key: LabelKey | None = None
    """Key of the taint. Every taint, where left out."""
    operator: Literal["Exists", "Equal"] | None = None
    """Whether the value must be equal. Equal, where left out."""
    value: LabelValue | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint. Every effect, where left out."""
    toleration_seconds: Annotated[int, Field(ge=-(2**31), le=INT32)] | None = None
    """How long pods stay on a node that gets a taint with the effect NoExecute. For ever, where left out."""


def _node_values_fit(self: NodeRequirement) -> bool:
    if self.operator in {"In", "NotIn"}:
        return bool(self.values)
    if self.operator in {"Exists", "DoesNotExist"}:
        return not self.values
    return len(self.values) == 1 and re.fullmatch("[0-9]{1,18}", self.values[0]) is not None


class NodeRequirement(ApiModel):
    """What is asked of one label of a node."""

    rules = (
        Rule(
            "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 "
            ": self.operator in ['Exists', 'DoesNotExist'] ? !has(self.values) || self.values.size() == 0 "
            ": has(self.values) && self.values.size() == 1 && self.values[0].matches('^[0-9]{1,18}$')",
            "In and NotIn need values, Gt and Lt one whole number as a string; Exists and DoesNotExist take none",
            _node_values_fit,
        ),
    )

    key: NodeLabelKey
    """Key of the label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """How the label's value relates to the values."""
    values: Annotated[tuple[LabelValue, ...], Field(max_length=64, json_schema_extra=ATOMIC)] = ()
    """Values to compare the label's with."""


class NodeFieldRequirement(ApiModel):
    """What is asked of a field of a node."""

    key: Literal["metadata.name"]
    """The field: metadata.name, the only one that Kubernetes knows here."""
    operator: Literal["In", "NotIn"]
    """Whether the field must have the value, or must not."""
    values: Annotated[tuple[NodeName, ...], Field(min_length=1, max_length=1, json_schema_extra=ATOMIC)]
    """The value."""


class NodeTerm(ApiModel):
    """Nodes of which all this is true. An empty term matches no node."""

    match_expressions: Annotated[
        tuple[NodeRequirement, ...], Field(max_length=MAX_EXPRESSIONS, json_schema_extra=ATOMIC)
    ] = ()
    """Requirements for the node's labels."""
    match_fields: Annotated[tuple[NodeFieldRequirement, ...], Field(max_length=4, json_schema_extra=ATOMIC)] = ()
    """Requirements for the node's fields."""


class RequiredNodes(ApiModel):
    """Nodes that at least one term matches."""

    node_selector_terms: Annotated[
        tuple[NodeTerm, ...], Field(min_length=1, max_length=MAX_TERMS, json_schema_extra=ATOMIC)
    ]
    """The terms. At least one."""


class PreferredNodes(ApiModel):
    """Nodes that are preferred over others."""

    weight: Weight
    """How much they are preferred."""
    preference: NodeTerm
    """Which nodes."""


class NodeAffinity(ApiModel):
    """Which nodes the pods run on."""

    required_during_scheduling_ignored_during_execution: RequiredNodes | None = None
    """Nodes that pods may be scheduled to. They are not moved when this stops being true."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredNodes, ...], Field(max_length=MAX_TERMS, json_schema_extra=ATOMIC)
    ] = ()
    """Nodes to prefer among those."""


def _label_keys_fit(self: PodTerm) -> bool:
    keys = [*self.match_label_keys, *self.mismatch_label_keys]
    if not keys:
        return True
    return keys_of(self.label_selector).isdisjoint(keys) and len(set(keys)) == len(keys)


def _unselected(keys: str) -> str:
    """CEL: the selector asks about none of the labels in a field."""
    return (
        f"(!has(self.{keys}) || self.{keys}.size() == 0 || self.{keys}.all(k, "
        "(!has(self.labelSelector.matchLabels) || !(k in self.labelSelector.matchLabels)) && "
        "(!has(self.labelSelector.matchExpressions) || !self.labelSelector.matchExpressions.exists(e, e.key == k))))"
    )


LabelKeys = Annotated[
    tuple[Annotated[LabelKey, Field(description="Key of a label.")], ...], Field(max_length=4), ListSet()
]


class PodTerm(ApiModel):
    """Other pods to be near to, or away from."""

    rules = (
        Rule(
            f"{_unselected('matchLabelKeys')} && {_unselected('mismatchLabelKeys')} && "
            "(!has(self.matchLabelKeys) || !has(self.mismatchLabelKeys) || "
            "!self.matchLabelKeys.exists(k, k in self.mismatchLabelKeys))",
            "matchLabelKeys and mismatchLabelKeys need a labelSelector that does not ask about these labels itself, "
            "and each label may be in one of the two lists only",
            _label_keys_fit,
        ),
    )

    label_selector: LabelSelector
    """Labels of these pods."""
    namespaces: Annotated[tuple[NamespaceName, ...], Field(max_length=32, json_schema_extra=ATOMIC)] = ()
    """Namespaces to look in. The gateway's own, where neither this nor namespaceSelector is given."""
    namespace_selector: LabelSelector | None = None
    """Labels of further namespaces to look in; empty for all."""
    topology_key: LabelKey
    """Label of nodes: those with the same value are one place, such as kubernetes.io/hostname."""
    match_label_keys: LabelKeys = ()
    """Labels whose value is taken from the gateway's pod and must be the same."""
    mismatch_label_keys: LabelKeys = ()
    """Labels whose value is taken from the gateway's pod and must not be the same."""


class PreferredPods(ApiModel):
    """Other pods that it is better to be near to, or away from."""

    weight: Weight
    """How much better."""
    pod_affinity_term: PodTerm
    """Which pods."""


class PodAffinity(ApiModel):
    """Other pods to be near to, or, as podAntiAffinity, away from."""

    required_during_scheduling_ignored_during_execution: Annotated[
        tuple[PodTerm, ...], Field(max_length=MAX_TERMS, json_schema_extra=ATOMIC)
    ] = ()
    """What must be so when pods are scheduled."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredPods, ...], Field(max_length=MAX_TERMS, json_schema_extra=ATOMIC)
    ] = ()
    """What should be so."""


class Affinity(ApiModel):
    """Which nodes, and near to or away from which other pods, the gateway's pods run."""

    node_affinity: NodeAffinity | None = None
    """Which nodes."""
    pod_affinity: PodAffinity | None = None
    """Pods to be near to."""
    pod_anti_affinity: PodAffinity | None = None
    """Pods to be away from."""


def _spread_keys_fit(self: TopologySpreadConstraint) -> bool:
    if not self.match_label_keys:
        return True
    if self.label_selector is None:
        return not any(re.match(_OWN_LABELS, key) for key in self.match_label_keys)
    return keys_of(self.label_selector).isdisjoint(self.match_label_keys)


_OWN_LABELS = "(app[.]kubernetes[.]io|tenantry[.]dev)/"


class TopologySpreadConstraint(ApiModel):
    """How evenly the gateway's pods are spread over nodes or zones."""

    rules = (
        Rule(
            "!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
            "minDomains needs whenUnsatisfiable: DoNotSchedule",
            lambda self: self.min_domains is None or self.when_unsatisfiable == "DoNotSchedule",
            ".minDomains",
        ),
        Rule(
            f"has(self.labelSelector) ? {_unselected('matchLabelKeys')} "
            f": !has(self.matchLabelKeys) || !self.matchLabelKeys.exists(k, k.matches('^{_OWN_LABELS}'))",
            "matchLabelKeys must not name labels that the labelSelector asks about; the gateway's own selector asks "
            "about labels of app.kubernetes.io/ and tenantry.dev/",
            _spread_keys_fit,
            ".matchLabelKeys",
        ),
    )

    max_skew: Annotated[int, Field(ge=1, le=INT32)]
    """By how many pods places may differ at most."""
    topology_key: NodeLabelKey
    """Label of nodes: those with the same value are one place, such as topology.kubernetes.io/zone."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    """What to do with a pod for which it cannot be so."""
    label_selector: LabelSelector | None = None
    """The pods that are counted. The gateway's own, where left out."""
    min_domains: Annotated[int, Field(ge=1, le=INT32)] | None = None
    """How many places there should be at least."""
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    """Whether nodes that nodeSelector and affinity exclude are left out of the count. Honor, where left out."""
    node_taints_policy: Literal["Honor", "Ignore"] | None = None
    """Whether nodes with taints that are not tolerated are left out of the count. Ignore, where left out."""
    match_label_keys: LabelKeys = ()
    """Labels whose value is taken from the gateway's pod and must be the same in the pods that are counted."""


NodeSelector = Annotated[
    Mapping[str, LabelValue],
    Field(max_length=32),
    VALID_KEYS,
    Rule(
        f"!self.exists(k, k in {_DEPRECATED})",
        _DEPRECATED_MESSAGE,
        lambda labels: not any(key in DEPRECATED_NODE_LABELS for key in labels),
    ),
]
Tolerations = Annotated[tuple[Toleration, ...], Field(max_length=32, json_schema_extra=ATOMIC)]
TopologySpreadConstraints = Annotated[
    tuple[TopologySpreadConstraint, ...], Field(max_length=8), ListMap(("topologyKey", "whenUnsatisfiable"))
]
