import pytest

from tenantry_operator.reconcile.packed import NOTHING, pack

STATUS = {"observedGeneration": 3, "conditions": [{"type": "Ready", "status": "True", "message": "Grüße"}]}


def test_what_is_packed_reads_as_it_was() -> None:
    packed = pack(STATUS)

    assert packed == STATUS
    assert dict(packed.items()) == STATUS
    assert packed["observedGeneration"] == 3
    assert list(packed) == list(STATUS)
    assert len(packed) == 2


def test_what_is_missing_is_missing() -> None:
    assert pack(STATUS).get("endpoint") is None
    with pytest.raises(KeyError):
        pack(STATUS)["endpoint"]


def test_an_object_without_a_status_has_an_empty_one() -> None:
    assert not pack(None)
    assert pack({}) is NOTHING


def test_nobody_changes_what_is_packed() -> None:
    packed = pack(STATUS)

    packed["conditions"].clear()

    assert packed == STATUS
