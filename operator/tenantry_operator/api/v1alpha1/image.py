"""``spec.image`` of a Gateway."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from tenantry_operator.api.v1alpha1.common import ApiModel, SecretName, validation
from tenantry_operator.api.v1alpha1.rules import ListMap


class PullSecret(ApiModel):
    """A Secret of type kubernetes.io/dockerconfigjson in the Gateway's namespace."""

    name: SecretName
    """Name of the Secret."""


class ImageSpec(ApiModel):
    """The gateway image. What is left out comes from the operator's own default."""

    model_config = ConfigDict(
        json_schema_extra=validation(
            "!has(self.repository) || has(self.tag) || has(self.digest)",
            "set tag or digest as well when you set repository: an image without either changes under you",
        )
    )

    repository: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=255,
                pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$",
            ),
        ]
        | None
    ) = None
    """Image name without tag, such as registry.example.com/platform/tenantry-gateway."""
    tag: Annotated[str, Field(max_length=128, pattern="^[A-Za-z0-9_][A-Za-z0-9._-]*$")] | None = None
    """Tag of the image. A digest, where given, decides."""
    digest: Annotated[str, Field(max_length=71, pattern="^sha256:[a-f0-9]{64}$")] | None = None
    """Digest that pins the image, such as sha256: followed by 64 hexadecimal digits."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the kubelet pulls the image. The operator's configured default, where left out."""
    pull_secrets: Annotated[tuple[PullSecret, ...], Field(max_length=16), ListMap(("name",))] = ()
    """Secrets of the Gateway's namespace with credentials for the image's registry."""
