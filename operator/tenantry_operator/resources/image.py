"""Which image a Gateway runs, and on which of the operator's defaults that depends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from tenantry_operator.api.v1alpha1.image import ImageSpec

DEFAULTS_ANNOTATION = "tenantry.dev/image-defaults"
"""On the Deployment: the defaults that its pods were made from. A changed default is rolled out to some at a time."""
RESTARTING = " restarting"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator's installation decides for every Gateway that does not."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    restarting: bool = False
    """Whether this Gateway is one of those that are being restarted for them. A restarted operator reads it again."""

    def __str__(self) -> str:
        return f"{self.image_pull_policy} {self.image}{RESTARTING if self.restarting else ''}"

    @classmethod
    def parse(cls, annotation: str) -> Self | None:
        """The defaults in an annotation's value; None where it holds none."""
        policy, _, image = annotation.removesuffix(RESTARTING).partition(" ")
        return cls(image, policy, annotation.endswith(RESTARTING)) if image else None


@dataclass(frozen=True, slots=True)
class Image:
    """The image to run, and when the kubelet pulls it."""

    name: str
    pull_policy: str


def image_of(image: ImageSpec, defaults: Defaults) -> Image:
    """What the Gateway leaves out comes from the defaults; a digest beats a tag."""
    return Image(_name(image, defaults.image), image.pull_policy or defaults.image_pull_policy)


def _name(image: ImageSpec, default: str) -> str:
    if image.repository is None and image.tag is None and image.digest is None:
        return default
    repository = image.repository or _repository(default)
    tag = f":{image.tag}" if image.tag else ""
    digest = f"@{image.digest}" if image.digest else ""
    return f"{repository}{tag}{digest}"


def _repository(image: str) -> str:
    """``registry:5000/a/b:tag@sha256:…`` without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
