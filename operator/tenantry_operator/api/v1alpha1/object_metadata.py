"""Labels and annotations that a Gateway puts on what is made for it, bounded as Kubernetes bounds them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from tenantry_operator.api.v1alpha1.common import DNS_LABEL, validation

RESERVED_PREFIXES: Final = ("tenantry.dev/", "app.kubernetes.io/")
REFUSED_ANNOTATIONS: Final = ("kubernetes.io/ingress.class", "kubectl.kubernetes.io/last-applied-configuration")
MAX_KEY: Final = 253

_KEY = rf"^({DNS_LABEL}([.]{DNS_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
_VALUE = "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_KEY_RULE = (
    "a key is a name of 1 to 63 letters, digits and - _ . with an optional DNS prefix and a slash, such as "
    "example.com/team"
)
_RESERVED_RULE = "keys that begin with tenantry.dev/ or app.kubernetes.io/ are the operator's own: use another prefix"
_VALUE_RULE = (
    "a label's value is empty or 1 to 63 letters, digits and - _ . that begins and ends with a letter or digit"
)
_REFUSED_RULE = (
    "kubernetes.io/ingress.class is not accepted (set ingressClassName), nor is "
    "kubectl.kubernetes.io/last-applied-configuration"
)
_SNIPPET_RULE = (
    "configuration snippets are not accepted, since they run with the rights of the ingress controller: ask the "
    "cluster's administrators for an Ingress of its own"
)


def _keys(found: Mapping[str, str]) -> Mapping[str, str]:
    for key in found:
        if len(key) > MAX_KEY or not re.fullmatch(_KEY, key):
            raise ValueError(_KEY_RULE)
        if key.startswith(RESERVED_PREFIXES):
            raise ValueError(_RESERVED_RULE)
    return found


def _labels(found: Mapping[str, str]) -> Mapping[str, str]:
    if not all(re.fullmatch(_VALUE, value) for value in found.values()):
        raise ValueError(_VALUE_RULE)
    return found


def _annotations(found: Mapping[str, str]) -> Mapping[str, str]:
    if not found.keys().isdisjoint(REFUSED_ANNOTATIONS):
        raise ValueError(_REFUSED_RULE)
    if any("snippet" in key for key in found):
        raise ValueError(_SNIPPET_RULE)
    return found


def _rules(*more: tuple[str, str]) -> dict[str, object]:
    """CEL rules on the keys (``k``) of a map: the common ones, then ``more``."""
    reserved = " && ".join(f"!k.startsWith('{prefix}')" for prefix in RESERVED_PREFIXES)
    every = ((f"k.size() <= {MAX_KEY} && k.matches('{_KEY}')", _KEY_RULE), (reserved, _RESERVED_RULE), *more)
    rules = [validation(f"self.all(k, {rule})", message)["x-kubernetes-validations"][0] for rule, message in every]
    return {"x-kubernetes-validations": rules}


_REFUSED = " && ".join(f"k != '{name}'" for name in REFUSED_ANNOTATIONS)

Labels = Annotated[
    Mapping[str, Annotated[str, Field(description="Value of the label.", max_length=63)]],
    Field(max_length=16, json_schema_extra=_rules((f"self[k].matches('{_VALUE}')", _VALUE_RULE))),
    AfterValidator(_keys),
    AfterValidator(_labels),
]
Annotations = Annotated[
    Mapping[str, Annotated[str, Field(description="Value of the annotation.", max_length=1024)]],
    Field(
        max_length=32, json_schema_extra=_rules((_REFUSED, _REFUSED_RULE), ("!k.contains('snippet')", _SNIPPET_RULE))
    ),
    AfterValidator(_keys),
    AfterValidator(_annotations),
]
