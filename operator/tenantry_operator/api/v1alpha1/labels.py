"""Maps of labels and of annotations, checked as Kubernetes checks them: what is accepted here fits into its objects.

Source: k8s.io/apimachinery/pkg/util/validation and pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from tenantry_operator.api.v1alpha1.rules import Rule
from tenantry_operator.api.v1alpha1.selectors import LABEL_KEY_PATTERN, LabelSelector

MAX_KEY = 253
"""Characters of a key, less than Kubernetes takes; a prefix of the length that it takes at most always fits."""
MAX_ANNOTATION = 2048
_KEY = re.compile(LABEL_KEY_PATTERN.removesuffix("$"))

KEYS_MESSAGE = (
    "a key must have at most 63 letters, digits, '-', '_' and '.', start and end with a letter or digit, and may "
    "have a prefix that is a DNS name, such as example.com/team; 253 characters at most"
)

AnnotationValue = Annotated[str, Field(description="Value of an annotation.", max_length=MAX_ANNOTATION)]


def is_key(text: str) -> bool:
    """Whether Kubernetes takes this as the key of a label or annotation."""
    return len(text) <= MAX_KEY and _KEY.fullmatch(text) is not None


VALID_KEYS = Rule(
    f"self.all(k, k.size() <= {MAX_KEY} && k.matches('{LABEL_KEY_PATTERN}'))",
    KEYS_MESSAGE,
    lambda labels: all(map(is_key, labels)),
)
"""On a map of labels or annotations."""


def no_keys(pattern: str, message: str) -> Rule:
    """No key of the map begins with what ``pattern`` matches: a regular expression that RE2 and Python read alike."""
    refused = re.compile(pattern)
    return Rule(
        f"!self.exists(k, k.matches('^({pattern})'))", message, lambda labels: not any(map(refused.match, labels))
    )


def domain(*names: str) -> str:
    """Pattern of the keys whose prefix is one of these domains or below it."""
    escaped = "|".join(name.replace(".", "[.]") for name in names)
    return f"([^/]*[.])?({escaped})/"


def keys_of(selector: LabelSelector) -> frozenset[str]:
    """The labels that a selector asks about."""
    return frozenset(selector.match_labels) | {each.key for each in selector.match_expressions}
