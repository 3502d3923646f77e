"""What a Gateway says of its pods besides where they run: how many, with which resources, labels and environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from tenantry_operator.api.v1alpha1.common import DNS_LABEL, ApiModel, SecretKey, SecretName
from tenantry_operator.api.v1alpha1.labels import VALID_KEYS, AnnotationValue, domain, no_keys
from tenantry_operator.api.v1alpha1.quantity import amount
from tenantry_operator.api.v1alpha1.rules import Rule
from tenantry_operator.api.v1alpha1.selectors import LabelValue

MAX_REPLICAS = 10
DEFAULT_GRACE_SECONDS = 120
MIN_GRACE_SECONDS = 30
"""The pre-stop pause, and some time to finish what is in flight."""

_CPU = r"^([0-9]{1,7}m|[0-9]{1,4}([.][0-9]{1,3})?)$"
_TENTHS, _EIGHTHS = "([.][0-9]{1,3})?", "([.](0|5|25|75|125|375|625|875)0{0,3})?"
_BYTES = (
    f"^([0-9]{{1,15}}|[0-9]{{1,12}}{_TENTHS}k|[0-9]{{1,9}}{_TENTHS}M|[0-9]{{1,6}}{_TENTHS}[GT]"
    f"|[0-9]{{1,12}}{_EIGHTHS}Ki|[0-9]{{1,9}}{_EIGHTHS}Mi|[0-9]{{1,6}}{_EIGHTHS}[GT]i)$"
)
"""Whole bytes, however they are written: Kubernetes warns of fractions."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """For ``Annotated`` around a string: a quantity as Kubernetes takes it, a string or a whole number."""

    pattern: str
    maximum: int
    """The greatest whole number, which the pattern says of strings."""

    def text(self, value: object) -> object:
        """A number as a string; anything else as it is.

        Raises:
            ValueError: if the number is too small or too large.
        """
        if isinstance(value, bool) or not isinstance(value, int):
            return value
        if not 0 <= value <= self.maximum:
            raise ValueError(f"must be a number from 0 to {self.maximum}")
        return str(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        string = core_schema.str_schema(pattern=self.pattern, max_length=_MAX_LENGTH)
        return core_schema.no_info_before_validator_function(self.text, string)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The API server checks length and pattern of strings alone, and the bounds of numbers alone."""
        number = {"minimum": 0, "maximum": self.maximum}
        return {"x-kubernetes-int-or-string": True, "pattern": self.pattern, "maxLength": _MAX_LENGTH, **number}


_MAX_LENGTH = 20
Cpu = Annotated[str, Quantity(_CPU, 9999)]
Bytes = Annotated[str, Quantity(_BYTES, 10**15 - 1)]


class Requests(ApiModel):
    """What a node must have left for a pod."""

    cpu: Cpu = "50m"
    """Cores that are kept for the gateway, such as 500m or 2."""
    memory: Bytes = "128Mi"
    """Memory that is kept for the gateway, such as 256Mi."""
    ephemeral_storage: Bytes | None = Field(default=None, alias="ephemeral-storage")
    """Disk space of the node that is kept for the gateway's temporary files and logs."""


class Limits(ApiModel):
    """What a pod may use at most."""

    cpu: Cpu | None = None
    """Cores that the gateway may use. As many as are free, where left out."""
    memory: Bytes = "512Mi"
    """Memory that the gateway may use. With more it is ended and started again."""
    ephemeral_storage: Bytes | None = Field(default=None, alias="ephemeral-storage")
    """Disk space of the node that the gateway may use for temporary files and logs. With more its pod is evicted."""


def _at_most_its_limit(name: str) -> Rule:
    """The request of a resource is at most its limit, where both are known."""
    attribute, field = name.replace("-", "_"), f"self.limits.{name.replace('-', '__dash__')}"
    request = f"self.requests.{name.replace('-', '__dash__')}"
    # Of the whole object's own default, {}, the API server asks the rules before it fills in the fields' defaults.
    absent = "!has(self.requests) || !has(self.limits) || "
    absent += " || ".join(f"!has({each}) || !isQuantity(string({each}))" for each in (request, field))

    def holds(self: Resources) -> bool:
        request, limit = getattr(self.requests, attribute), getattr(self.limits, attribute)
        return request is None or limit is None or amount(request) <= amount(limit)

    return Rule(
        f"{absent} || quantity(string({request})).compareTo(quantity(string({field}))) <= 0",
        f"requests.{name} must not be above limits.{name}; where you leave one out, its default counts",
        holds,
        f".requests.{name}" if "-" not in name else ".requests",
    )


class Resources(ApiModel):
    """What the gateway's container needs, and may use."""

    rules = tuple(_at_most_its_limit(name) for name in ("cpu", "memory", "ephemeral-storage"))

    requests: Requests = Requests()
    """What a node must have left for a pod: the scheduler looks at this, and quotas count it."""
    limits: Limits = Limits()
    """What a pod may use at most."""


OWN_KEYS = domain("tenantry.dev", "app.kubernetes.io")
REFUSED_ANNOTATIONS = (
    f"{domain('tenantry.dev', 'security.alpha.kubernetes.io', 'security.beta.kubernetes.io')}"
    f"|{domain('scheduler.alpha.kubernetes.io')}|kubernetes[.]io/config[.]|controller[.]kubernetes[.]io/pod-deletion"
)
PodLabels = Annotated[
    Mapping[str, LabelValue],
    Field(max_length=32),
    VALID_KEYS,
    no_keys(
        f"{OWN_KEYS}|pod-template-hash$",
        "labels of tenantry.dev/ and app.kubernetes.io/ and below, and pod-template-hash, are set for you: use a "
        "prefix of your own",
    ),
]
PodAnnotations = Annotated[
    Mapping[str, AnnotationValue],
    Field(max_length=24),
    VALID_KEYS,
    no_keys(
        REFUSED_ANNOTATIONS,
        "annotations of tenantry.dev/ and below are set for you, and those of Kubernetes that change the pod's "
        "security, scheduling or origin are refused: use the fields of spec",
    ),
]
AccountAnnotations = Annotated[
    Mapping[str, AnnotationValue],
    Field(max_length=24),
    VALID_KEYS,
    no_keys(
        f"{domain('tenantry.dev')}|kubernetes[.]io/enforce-mountable-secrets$",
        "annotations of tenantry.dev/ and below are set for you, and kubernetes.io/enforce-mountable-secrets is "
        "deprecated: remove it",
    ),
]


class ServiceAccountSpec(ApiModel):
    """The service account that the gateway's pods run under. It has no rights in the cluster."""

    annotations: AccountAnnotations = Field(default_factory=dict)
    """Annotations of the service account, such as those by which a cloud gives the pods an identity."""


RESERVED_VARIABLES = (
    "CLAWDBOT_|TENANTRY_|GATEWAY_TOKEN|ANTHROPIC_|KUBERNETES_|PYTHON|LD_|GLIBC_|OPENSSL_|GCONV_"
    "|(LOG_LEVEL|HOME|PATH|HOSTNAME|TMPDIR|USER|SHELL|BASH_ENV|ENV|IFS|NETRC)$"
)
_VARIABLE = "^[A-Za-z_][A-Za-z0-9_]*$"


class KeyRef(ApiModel):
    """One key of an object in the Gateway's namespace."""

    name: SecretName
    """Name of the object."""
    key: SecretKey
    """Key of the value."""
    optional: bool | None = None
    """Whether the gateway starts without the variable where the object or the key is missing. It does not, where left
    out."""


class EnvSource(ApiModel):
    """Where a variable's value comes from."""

    rules = (
        Rule(
            "has(self.secretKeyRef) != has(self.configMapKeyRef)",
            "set either secretKeyRef or configMapKeyRef",
            lambda self: (self.secret_key_ref is None) != (self.config_map_key_ref is None),
        ),
    )

    secret_key_ref: KeyRef | None = None
    """A key of a Secret. A changed value is seen by new pods only: a running process keeps its environment."""
    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap. A changed value is seen by new pods only: a running process keeps its environment."""


class EnvVar(ApiModel):
    """A variable of the gateway's environment."""

    rules = (
        Rule(
            "has(self.value) != has(self.valueFrom)",
            "set either value or valueFrom",
            lambda self: (self.value is None) != (self.value_from is None),
        ),
    )

    name: Annotated[
        str,
        Field(min_length=1, max_length=253, pattern=_VARIABLE),
        Rule(
            f"!self.matches('^({RESERVED_VARIABLES})')",
            "this variable is reserved, since it would change how the gateway finds its secrets, configuration or "
            "code: use the fields of spec, such as provider.baseURL and logLevel",
            lambda name: re.match(RESERVED_VARIABLES, name) is None,
        ),
    ]
    """Name of the variable: letters, digits and underscores."""
    value: Annotated[str, Field(max_length=8192, pattern=r"^[^\x00]*$")] | None = None
    """The value. It is taken as it is: references to other variables, such as $(NAME), are not resolved."""
    value_from: EnvSource | None = None
    """Where the value comes from instead."""


ClassName = Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{DNS_LABEL}([.]{DNS_LABEL})*$")]
