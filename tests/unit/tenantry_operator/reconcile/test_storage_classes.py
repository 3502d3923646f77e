from dataclasses import replace

import pytest

from tenantry_operator.kube.cache import Cache, Record
from tenantry_operator.kube.kinds import PERSISTENT_VOLUME_CLAIM, Json, Key
from tenantry_operator.reconcile.storage_classes import StorageClasses
from tests.unit.tenantry_operator.objects import claim_view

RECORD = Record(("ns", "x"), "u", 1, "a", "tenantry-operator", None, deleting=False, digest=b"")
CLAIMS = {
    "bound-fast": claim_view(storage_class="fast"),
    "bound-slow": claim_view(storage_class="slow"),
    "pending": claim_view(phase="Pending", storage_class=None),
}


def storage_class(name: str, version: int = 1, **more: object) -> Json:
    return {"metadata": {"name": name, "uid": name, "resourceVersion": str(version)}, **more}


@pytest.fixture
def told() -> list[Key]:
    return []


@pytest.fixture
def classes(told: list[Key]) -> StorageClasses:
    def project(live: Json) -> Record:
        name = live["metadata"]["name"]
        return replace(RECORD, key=("ns", name), gateway=name, view=CLAIMS[name])

    claims = Cache(PERSISTENT_VOLUME_CLAIM, project, lambda *_: None)
    for name in CLAIMS:
        claims.put({"metadata": {"name": name}})
    return StorageClasses(claims, told.append)


def test_a_changed_class_is_told_to_its_own_claims_and_to_those_without_a_volume(
    classes: StorageClasses, told: list[Key]
) -> None:
    classes.cache.put(storage_class("fast", allowVolumeExpansion=True))

    assert sorted(told) == [("ns", "bound-fast"), ("ns", "pending")]


def test_a_class_that_goes_is_told_too(classes: StorageClasses, told: list[Key]) -> None:
    classes.cache.put(storage_class("slow"))
    told.clear()

    classes.cache.deleted(storage_class("slow", 2))

    assert sorted(told) == [("ns", "bound-slow"), ("ns", "pending")]
    assert classes.views() == {}


def test_classes_are_known_by_name(classes: StorageClasses) -> None:
    classes.cache.put(storage_class("fast", allowVolumeExpansion=True))

    assert classes.views()["fast"].expandable
