import pytest

from tenantry_operator.kube.cache import Record
from tenantry_operator.kube.ownership import Owner, Ownership

OWNER = Owner("a", "new", "tenantry.dev/Gateway", "tenantry-operator")


def record(owner: tuple[str, str] | None, gateway: str = "", managed_by: str = "") -> Record:
    return Record(("ns", "a-gateway"), "u", 1, gateway, managed_by, owner, deleting=False, digest=b"")


@pytest.mark.parametrize(
    ("held", "whose"),
    [
        (record(("tenantry.dev/Gateway", "new")), Ownership.OURS),
        (record(("tenantry.dev/Gateway", "old")), Ownership.PREVIOUS),
        (record(("gateway.networking.k8s.io/Gateway", "new")), Ownership.FOREIGN),
        (record(("apps/ReplicaSet", "new"), "a", "tenantry-operator"), Ownership.FOREIGN),
        (record(None, "a", "tenantry-operator"), Ownership.OURS),
        (record(None, "a", "Helm"), Ownership.FOREIGN),
        (record(None, "other", "tenantry-operator"), Ownership.FOREIGN),
        (record(None), Ownership.FOREIGN),
    ],
)
def test_the_controller_decides_and_without_one_our_labels(held: Record, whose: Ownership) -> None:
    assert OWNER.owns(held) is whose
