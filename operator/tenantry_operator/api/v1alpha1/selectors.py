"""Label selectors, typed and validated as Kubernetes does (``metav1.LabelSelector``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from tenantry_operator.api.v1alpha1.common import DNS_LABEL, ApiModel, validation

ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
MAX_LABELS = 16
MAX_EXPRESSIONS = 8
MAX_VALUES = 32
LABEL_KEY_PATTERN = rf"^({DNS_LABEL}([.]{DNS_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
# Kubernetes would take longer prefixes; nobody has them, and a rule for each prefix would cost more than its budget.
LabelKey = Annotated[str, Field(min_length=1, max_length=253, pattern=LABEL_KEY_PATTERN)]
_BAD_KEY = (
    "a label's key must have 1 to 63 letters, digits and - _ . and may begin with a DNS name and /, "
    "such as app.kubernetes.io/name"
)


def _label_key(key: str) -> str:
    if len(key) > 253 or not re.search(LABEL_KEY_PATTERN.replace("$", r"\Z"), key):
        raise ValueError(_BAD_KEY)
    return key


LabelValue = Annotated[
    str,
    Field(max_length=63, pattern="^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", description="Value of this label."),
]


class LabelSelectorRequirement(ApiModel):
    """One condition that labels must meet."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 "
            ": !has(self.values) || size(self.values) == 0",
            "In and NotIn need values; Exists and DoesNotExist take none",
        )
    )

    key: LabelKey
    """Key of the label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label's value relates to the values."""
    values: Annotated[tuple[LabelValue, ...], Field(max_length=MAX_VALUES, json_schema_extra=ATOMIC)] = ()
    """Values for In and NotIn."""

    @model_validator(mode="after")
    def _values_fit(self) -> Self:
        if bool(self.values) != (self.operator in {"In", "NotIn"}):
            raise ValueError("In and NotIn need values; Exists and DoesNotExist take none")
        return self


class LabelSelector(ApiModel):
    """Selects by labels; everything that is said must hold, and an empty selector selects all."""

    match_labels: Annotated[
        Mapping[Annotated[str, AfterValidator(_label_key)], LabelValue],
        Field(
            max_length=MAX_LABELS,
            json_schema_extra=validation(
                f"self.all(key, size(key) <= 253 && key.matches('{LABEL_KEY_PATTERN}'))", _BAD_KEY
            ),
        ),
    ] = {}
    """Labels that must have just these values."""
    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...], Field(max_length=MAX_EXPRESSIONS, json_schema_extra=ATOMIC)
    ] = ()
    """Further conditions."""
