"""The audit key's Secret: it goes and stays with the volume."""

import base64

import pytest

from tenantry_operator.resources.audit_key import build_audit_secret
from tenantry_operator.resources.persistent_volume_claim import build_persistent_volume_claim
from tests.unit.tenantry_operator.objects import gateway


def test_it_holds_the_key_alone() -> None:
    secret = build_audit_secret(gateway(), "key")

    assert secret["metadata"]["name"] == "assistants-audit"
    assert {name: base64.b64decode(value) for name, value in secret["data"].items()} == {"audit-key": b"key"}


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_it_is_owned_and_labelled_as_the_volume_is(policy: str) -> None:
    owner = gateway({"deletionPolicy": policy})
    secret, claim = build_audit_secret(owner, "key")["metadata"], build_persistent_volume_claim(owner)["metadata"]

    assert secret.get("ownerReferences") == claim.get("ownerReferences")
    assert secret["labels"] == claim["labels"]
