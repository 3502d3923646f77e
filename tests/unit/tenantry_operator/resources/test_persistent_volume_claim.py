from typing import Any

import pytest
from hypothesis import given

from tenantry_operator.api.v1alpha1.quantity import amount, canonical
from tenantry_operator.resources.persistent_volume_claim import build_persistent_volume_claim, fitted, requested_size
from tests.unit.tenantry_operator.objects import gateway
from tests.unit.tenantry_operator.specs import gateway_specs


def build(**spec: Any) -> dict[str, Any]:
    return build_persistent_volume_claim(gateway(spec))


def test_a_claim_asks_for_one_gibibyte_of_the_default_class_where_nothing_is_said() -> None:
    assert build()["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


@pytest.mark.parametrize("name", ["", "fast"])
def test_a_class_is_named_where_the_gateway_names_one_even_if_it_names_none_on_purpose(name: str) -> None:
    assert build(storage={"storageClassName": name})["spec"]["storageClassName"] == name


def test_a_claim_belongs_to_nobody_unless_it_is_to_go_with_the_gateway() -> None:
    kept, deleted = build()["metadata"], build(deletionPolicy="Delete")["metadata"]

    assert "ownerReferences" not in kept
    assert [owner["uid"] for owner in deleted["ownerReferences"]] == [gateway().meta.uid]
    assert kept["name"] == deleted["name"] == "assistants-state"
    assert kept["labels"] == deleted["labels"]


def test_an_existing_claim_is_asked_for_nothing_but_its_size_and_what_was_applied_before() -> None:
    manifest = build(storage={"size": "5Gi", "storageClassName": "other", "accessModes": ["ReadWriteMany"]})
    applied = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

    found = fitted(manifest, applied, "2Gi")

    assert found["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    assert found["metadata"] == manifest["metadata"]


@given(gateway_specs())
def test_the_size_is_what_was_asked_for_as_the_api_server_prints_it(spec: dict[str, Any]) -> None:
    size = requested_size(build(**spec))

    assert size == canonical(size)
    assert amount(size) == amount(spec.get("storage", {}).get("size", "1Gi"))
