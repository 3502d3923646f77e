"""``spec.storage`` and ``spec.deletionPolicy`` of a Gateway: the volume with its state, and what becomes of it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from tenantry_operator.api.v1alpha1.common import DNS_LABEL, ApiModel, validation
from tenantry_operator.api.v1alpha1.quantity import amount

CLAIM_SUFFIX = "-state"
MIN_SIZE = "64Mi"
MAX_SIZE = "64Ti"
ONE_POD = "ReadWriteOncePod"

SIZE_PATTERN = "^[1-9][0-9]{0,14}([KMGT]i|[kMGT])?$"
SIZE_RULE = f"must be a whole number with a unit, from {MIN_SIZE} to {MAX_SIZE}, such as 5Gi or 500Mi"
ONE_POD_RULE = f"{ONE_POD} cannot be combined with another access mode: name it alone"

_NEW_CLAIM = (
    "Kubernetes cannot change it on an existing volume. To keep the state, copy it to a new Gateway with other "
    "storage; to start empty, delete the Gateway and its PersistentVolumeClaim, then create the Gateway again"
)


def _size(size: str) -> str:
    if not re.fullmatch(SIZE_PATTERN, size) or not amount(MIN_SIZE) <= amount(size) <= amount(MAX_SIZE):
        raise ValueError(SIZE_RULE)
    return size


def _one_pod_alone(modes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(modes)) < len(modes):
        raise ValueError("each access mode may be named once")
    if ONE_POD in modes and len(modes) > 1:
        raise ValueError(ONE_POD_RULE)
    return modes


VolumeSize = Annotated[
    str,
    Field(
        min_length=1,
        max_length=17,
        json_schema_extra=validation(
            f"self.matches('{SIZE_PATTERN}') && "
            f"quantity(self).compareTo(quantity('{MIN_SIZE}')) >= 0 && "
            f"quantity(self).compareTo(quantity('{MAX_SIZE}')) <= 0",
            SIZE_RULE,
        ),
    ),
    AfterValidator(_size),
]
AccessMode = Annotated[
    Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"],
    Field(description="A way in which the volume can be mounted."),
]
DeletionPolicy = Literal["Retain", "Delete"]


def claim_name(gateway_name: str) -> str:
    """Name of the PersistentVolumeClaim of a Gateway."""
    return f"{gateway_name}{CLAIM_SUFFIX}"


class StorageSpec(ApiModel):
    """The volume that holds the gateway's state, mounted at /var/lib/tenantry."""

    size: VolumeSize = "1Gi"
    """Size of the volume, such as 5Gi. It can be raised, where the StorageClass allows it, and not be lowered below
    what the volume has."""
    storage_class_name: Annotated[str, Field(max_length=253, pattern=rf"^({DNS_LABEL}(\.{DNS_LABEL})*)?$")] | None = (
        None
    )
    """StorageClass of the volume. The cluster's default one, where left out; empty for a volume without a class that
    somebody has made by hand. It cannot be changed later."""
    access_modes: Annotated[
        tuple[AccessMode, ...],
        Field(
            min_length=1,
            max_length=3,
            json_schema_extra={
                "x-kubernetes-list-type": "set",
                **validation(f"self.size() == 1 || !('{ONE_POD}' in self)", ONE_POD_RULE),
            },
        ),
        AfterValidator(_one_pod_alone),
    ] = ("ReadWriteOnce",)
    """How the volume can be mounted: by the pods of one node, of many, or by one pod alone. It cannot be changed
    later."""


_SIZE = "quantity(self.spec.storage.size)"
SIZE_GROWS: dict[str, str] = {
    "rule": "!isQuantity(self.spec.storage.size) || "
    f"{_SIZE}.compareTo(quantity(oldSelf.spec.storage.size)) >= 0 || "
    "(has(self.status) && has(self.status.volumeSize) && isQuantity(self.status.volumeSize) && "
    f"{_SIZE}.compareTo(quantity(self.status.volumeSize)) >= 0)",
    "message": "storage.size cannot be lowered below what the volume has: volumes do not shrink. Keep the larger "
    "size, or copy the state to a new Gateway with a smaller one",
    "fieldPath": ".spec.storage.size",
}
"""On the whole object: a size that the volume has not reached, and maybe never can, may be taken back."""
STORAGE_RULES: list[dict[str, Any]] = [
    {
        "rule": "has(self.storage.storageClassName) == has(oldSelf.storage.storageClassName) && "
        "(!has(self.storage.storageClassName) || self.storage.storageClassName == oldSelf.storage.storageClassName)",
        "message": f"storage.storageClassName cannot be changed: {_NEW_CLAIM}",
        "fieldPath": ".storage",
    },
    {
        "rule": "self.storage.accessModes == oldSelf.storage.accessModes",
        "message": f"storage.accessModes cannot be changed: {_NEW_CLAIM}",
        "fieldPath": ".storage.accessModes",
    },
]
"""On the whole spec: a rule on the field itself would not be looked at where the field is removed and added again."""
