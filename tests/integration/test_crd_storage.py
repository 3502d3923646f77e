"""``spec.storage`` and ``spec.deletionPolicy`` on a real API server: what is accepted, refused and never changed."""

import json
from typing import Any

import pytest

from dev.kubectl import Kubectl, KubectlError
from tests.integration.crd_harness import crds, dry_run
from tests.integration.operator_harness import gateway

__all__ = ["crds"]

NAMESPACE = "test-crd-storage"
NO_SHRINK = "storage.size cannot be lowered below what the volume has: volumes do not shrink"
SIZE = "must be a whole number with a unit, from 64Mi to 64Ti"
NO_OTHER_CLASS = "storage.storageClassName cannot be changed"
NO_OTHER_MODES = "storage.accessModes cannot be changed"


@pytest.mark.parametrize(
    "storage",
    [
        {},
        {"size": "64Mi"},
        {"size": "64Ti"},
        {"size": "5G"},
        {"size": "67108864"},
        {"storageClassName": ""},
        {"storageClassName": "fast.ssd-2"},
        {"accessModes": ["ReadWriteMany"]},
        {"accessModes": ["ReadWriteMany", "ReadWriteOnce"]},
        {"accessModes": ["ReadWriteOncePod"]},
    ],
)
def test_storage_that_can_be_claimed_is_accepted(crds: Kubectl, storage: dict[str, Any]) -> None:
    assert dry_run(crds, NAMESPACE, storage=storage) == "gateway.tenantry.dev/dry\n"


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"storage": {"size": "1Mi"}}, "spec.storage.size: ", SIZE),
        ({"storage": {"size": "65Ti"}}, "spec.storage.size: ", SIZE),
        ({"storage": {"size": "1.5Gi"}}, "spec.storage.size: ", SIZE),
        ({"storage": {"size": "-1Gi"}}, "spec.storage.size: ", SIZE),
        ({"storage": {"size": "1GB"}}, "spec.storage.size: ", SIZE),
        ({"storage": {"size": ""}}, "spec.storage.size: ", "at least 1 chars"),
        ({"storage": {"size": 5}}, "spec.storage.size: ", "must be of type string"),
        ({"storage": {"storageClassName": "Fast"}}, "spec.storage.storageClassName: ", "should match"),
        ({"storage": {"accessModes": []}}, "spec.storage.accessModes: ", "at least 1 items"),
        ({"storage": {"accessModes": ["ReadOnlyMany"]}}, "spec.storage.accessModes[0]: ", "Unsupported value"),
        (
            {"storage": {"accessModes": ["ReadWriteOnce", "ReadWriteOnce"]}},
            "spec.storage.accessModes[1]: ",
            "Duplicate value",
        ),
        (
            {"storage": {"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}},
            "spec.storage.accessModes: ",
            "ReadWriteOncePod cannot be combined",
        ),
        ({"storage": {"sizes": "1Gi"}}, '"spec.storage.sizes"', "unknown field"),
        ({"deletionPolicy": "Keep"}, "spec.deletionPolicy: ", "Unsupported value"),
    ],
)
def test_storage_that_cannot_be_claimed_is_refused_with_its_path_and_what_to_do(
    crds: Kubectl, spec: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(KubectlError) as refused:
        dry_run(crds, NAMESPACE, **spec)

    assert field in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("raised", {"size": "1Gi"}, {"size": "2Gi"}),
        ("respelt", {"size": "1Gi"}, {"size": "1024Mi"}),
        ("default", {"size": "1Gi", "accessModes": ["ReadWriteOnce"]}, {}),
        (
            "turned",
            {"accessModes": ["ReadWriteOnce", "ReadWriteMany"]},
            {"accessModes": ["ReadWriteMany", "ReadWriteOnce"]},
        ),
    ],
)
def test_a_volume_may_grow_and_be_described_otherwise(
    crds: Kubectl, name: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    crds.apply(gateway(name, NAMESPACE, storage=before))

    crds.apply(gateway(name, NAMESPACE, storage=after))


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("smaller", {"size": "2Gi"}, {"size": "1Gi"}, NO_SHRINK),
        ("a-little-smaller", {"size": "1Gi"}, {"size": "1G"}, NO_SHRINK),
        ("smaller-by-default", {"size": "2Gi"}, {}, NO_SHRINK),
        ("other-class", {"storageClassName": "a"}, {"storageClassName": "b"}, NO_OTHER_CLASS),
        ("no-class", {"storageClassName": "a"}, {}, NO_OTHER_CLASS),
        ("a-class", {}, {"storageClassName": "a"}, NO_OTHER_CLASS),
        ("empty-class", {}, {"storageClassName": ""}, NO_OTHER_CLASS),
        ("other-modes", {}, {"accessModes": ["ReadWriteMany"]}, NO_OTHER_MODES),
        ("more-modes", {}, {"accessModes": ["ReadWriteMany", "ReadWriteOnce"]}, NO_OTHER_MODES),
    ],
)
def test_what_no_volume_can_follow_is_refused_with_what_to_do_instead(
    crds: Kubectl, name: str, before: dict[str, Any], after: dict[str, Any], message: str
) -> None:
    crds.apply(gateway(name, NAMESPACE, storage=before))

    with pytest.raises(KubectlError) as refused:
        crds.apply(gateway(name, NAMESPACE, storage=after))

    assert message in str(refused.value)
    assert "new Gateway" in str(refused.value)


def test_removing_storage_and_adding_it_again_does_not_get_around_the_rules(crds: Kubectl) -> None:
    crds.apply(gateway("again", NAMESPACE, storage={"size": "2Gi", "storageClassName": "a"}))

    with pytest.raises(KubectlError) as refused:
        crds.apply(gateway("again", NAMESPACE))

    assert NO_SHRINK in str(refused.value)
    assert NO_OTHER_CLASS in str(refused.value)


def test_a_size_that_the_volume_has_not_reached_can_be_taken_back_and_no_more(crds: Kubectl) -> None:
    crds.apply(gateway("taken-back", NAMESPACE, storage={"size": "9Gi"}))
    patch = json.dumps({"status": {"volumeSize": "2Gi"}})
    crds.run("-n", NAMESPACE, "patch", "tgw", "taken-back", "--subresource=status", "--type=merge", "-p", patch)

    crds.apply(gateway("taken-back", NAMESPACE, storage={"size": "2048Mi"}))

    with pytest.raises(KubectlError, match=NO_SHRINK):
        crds.apply(gateway("taken-back", NAMESPACE, storage={"size": "2047Mi"}))


def test_the_deletion_policy_can_be_changed_at_any_time(crds: Kubectl) -> None:
    for policy in ("Delete", "Retain", "Delete"):
        crds.apply(gateway("policy", NAMESPACE, deletionPolicy=policy))

    assert crds.get("tgw", "policy", NAMESPACE)["spec"]["deletionPolicy"] == "Delete"
