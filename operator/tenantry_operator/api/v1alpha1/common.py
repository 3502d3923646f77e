"""What both kinds share: metadata, the base of every model, field types and the condition schema.

Docstrings here end up in the CRDs, where ``kubectl explain`` shows them: write them for a person with a manifest
open. They must not hold the characters of a template (``$`` before a brace, double braces), since Helm, Flux and
envsubst may see the generated files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar, cast

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from tenantry_config.names import AGENT_ID_PATTERN
from tenantry_operator.api.v1alpha1.rules import VALIDATIONS, Rule, with_rules
from tenantry_operator.errors import InvalidObject

GROUP = "tenantry.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
ROTATE_ANNOTATION = f"{GROUP}/rotate-token"
"""On a Gateway: each new value asks for one rotation of its generated token."""


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """The part of ``metadata`` that decisions are made from."""

    namespace: str
    name: str
    uid: str
    generation: int
    created: str
    """Creation time as the API server writes it: RFC 3339, UTC, whole seconds, so that it sorts as text."""
    deleting: bool
    rotate_token: str = ""
    """Value of the one annotation that asks for something. Unlike the spec, it changes without a new generation."""

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read the metadata of an object that the API server returned."""
        meta = body["metadata"]
        return cls(
            # A tenant's objects share these texts, and are thousands.
            namespace=sys.intern(meta["namespace"]),
            name=sys.intern(meta["name"]),
            uid=sys.intern(meta["uid"]),
            generation=int(meta.get("generation", 0)),
            created=sys.intern(meta.get("creationTimestamp") or ""),
            deleting=bool(meta.get("deletionTimestamp")),
            rotate_token=(meta.get("annotations") or {}).get(ROTATE_ANNOTATION, ""),
        )


def validation(rule: str, message: str, **more: str) -> dict[str, Any]:
    """A CEL rule that the API server checks (``x-kubernetes-validations``); ``message`` says what to do."""
    return {VALIDATIONS: [{"rule": rule, "message": message, **more}]}


class ApiModel(BaseModel):
    """Base of every part of a custom resource: frozen, camelCase outside, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    """What must hold between the fields."""

    @model_validator(mode="after")
    def _obey(self) -> Self:
        for rule in self.rules:
            rule.check(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = handler(schema)
        if cls.rules:
            node = handler.resolve_ref_schema(found)
            node.update(with_rules(node, *cls.rules))
        return found

    @classmethod
    def parse_spec(cls, body: Mapping[str, Any], field: str = "spec") -> Self:
        """Read ``body[field]``.

        Raises:
            InvalidObject: naming the first field that does not fit. The API server has checked the same schema, so
                this means an object stored under another version of it.
        """
        spec = body.get(field) or {}
        return cls.parse_json(orjson.dumps(dict(spec) if isinstance(spec, Mapping) else spec), field)

    @classmethod
    def parse_json(cls, spec: bytes, field: str = "spec") -> Self:
        """Read what ``field`` holds, as JSON.

        Raises:
            InvalidObject: as ``parse_spec``.
        """
        try:
            # Strictly, as the API server does: no "1" for 1. Of JSON, in which a list may become a tuple all the same.
            return cls.model_validate_json(spec, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            path = field + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
            raise InvalidObject(path, first["msg"]) from error


_NO_FIELDS: frozenset[str] = frozenset()


def slim(model: ApiModel) -> None:
    """Forget which fields of a model, and of those in it, were named: of what thousands keep, nobody asks.

    pydantic keeps a set for each model, which takes more than a small model itself.
    """
    object.__setattr__(model, "__pydantic_fields_set__", _NO_FIELDS)
    for value in model.__dict__.values():
        if isinstance(value, ApiModel):
            slim(value)


Spec = TypeVar("Spec", bound=ApiModel)


@dataclass(frozen=True, slots=True)
class Resource(Generic[Spec]):
    """An object of one of our kinds as it was last read."""

    meta: ObjectMeta
    spec: Spec
    status: Mapping[str, Any]

    model: ClassVar[type[ApiModel]]
    """What the kind's spec is parsed by."""

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read an object that the API server returned.

        Raises:
            InvalidObject: if the spec does not fit this version of the schema.
        """
        spec = cast("Spec", cls.model.parse_spec(body))
        return cls(ObjectMeta.parse(body), spec, body.get("status") or {})

    @classmethod
    def of(cls, meta: ObjectMeta, spec: bytes, status: Mapping[str, Any]) -> Self:
        """Put together an object whose spec is kept as JSON.

        Raises:
            InvalidObject: as ``parse``.
        """
        return cls(meta, cast("Spec", cls.model.parse_json(spec)), status)

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.meta.namespace, self.meta.name


_BAD_NETWORK = "must be a network in CIDR form without host bits, such as 10.0.0.0/8 or fd00::/8"


def _cidr(text: str) -> str:
    """Pass what the API server's ``isCIDR`` passes, without host bits; ``ip_network`` alone takes more."""
    if not re.fullmatch(r"[0-9A-Fa-f:.]+/(0|[1-9][0-9]{0,2})", text):
        raise ValueError(_BAD_NETWORK)
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(_BAD_NETWORK) from error
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError(_BAD_NETWORK)
    return text


Cidr = Annotated[
    str,
    AfterValidator(_cidr),
    Field(
        description="A network in CIDR form, such as 10.0.0.0/8.",
        max_length=43,
        json_schema_extra=validation("isCIDR(self) && cidr(self) == cidr(self).masked()", _BAD_NETWORK),
    ),
]
AgentId = Annotated[str, Field(min_length=1, max_length=63, pattern=AGENT_ID_PATTERN)]
ChannelName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^(\*|[a-z0-9]([a-z0-9_-]*[a-z0-9])?)$")]
# No control, formatting or separator characters: they are in no id, and a reviewer would not see them.
VISIBLE = r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$"
PeerId = Annotated[str, Field(min_length=1, max_length=256, pattern=VISIBLE)]
DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
NamespaceName = Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{DNS_LABEL}$")]
SecretName = Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{DNS_LABEL}(\.{DNS_LABEL})*$")]
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern="^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$")]
Duration = Annotated[str, Field(min_length=2, max_length=18, pattern="^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$")]
"""A span of time as Go writes it: ``720h``, ``1h30m``."""
Priority = Annotated[int, Field(ge=-1000, le=1000)]
_LITERAL = "[A-Za-z0-9_:.@=+,|-]*"
_SEPARATOR = "[:.@=+,|]"
_VALUE = "[$][{](channel|channelId|senderId|agentId)[}]"
SessionKeyTemplate = Annotated[
    str,
    Field(
        min_length=1,
        max_length=256,
        json_schema_extra=validation(
            f"self.matches('^{_LITERAL}({_VALUE}({_LITERAL}{_SEPARATOR}{_LITERAL}{_VALUE})*{_LITERAL})?$')",
            "a session key may hold letters, digits and _ - : . @ = + , | and the values channel, channelId, senderId "
            "and agentId, each written as a dollar sign and the name in braces, with a separator such as : between two",
        ),
    ),
]


def seconds(duration: str) -> int:
    """A ``Duration`` in seconds."""
    parts = re.findall("([0-9]+)([hms])", duration)
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


_UNITS = {"h": 3600, "m": 60, "s": 1}


class Condition(ApiModel):
    """One aspect of the object's current state, in the form that all Kubernetes tools understand."""

    type: Annotated[str, Field(max_length=316)]
    """Name of the condition, in CamelCase."""
    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """Generation of the object that this condition describes. Older than metadata.generation means out of date."""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When the status last changed from one value to another."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """The cause of the last transition in one CamelCase word, for programs."""
    message: Annotated[str, Field(max_length=32768)]
    """What is so, where, and what to do next, for people."""


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=32,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]
