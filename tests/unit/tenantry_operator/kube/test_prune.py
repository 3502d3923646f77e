from typing import Any

from tenantry_operator.kube.cache import Cache, Labels, Record, record_of
from tenantry_operator.kube.kinds import CONFIG_MAP
from tenantry_operator.kube.ownership import Owner
from tenantry_operator.kube.prune import surplus
from tests.unit.tenantry_operator.kube.scripted import nobody

OWNER = Owner("a", "g", "tenantry.dev/Gateway", "tenantry-operator")


def project(live: dict[str, Any]) -> Record:
    return record_of(live, Labels("gateway", "managed"))


def owned_by(uid: str) -> dict[str, Any]:
    return {"apiVersion": "tenantry.dev/v1alpha1", "kind": "Gateway", "uid": uid, "controller": True}


def cache_of(owners: dict[str, str | None]) -> Cache:
    """Objects by name, with the uid of the Gateway that controls each."""
    cache = Cache(CONFIG_MAP, project, nobody)
    for name, uid in owners.items():
        meta = {"namespace": "ns", "name": name, "uid": name, "resourceVersion": "1", "labels": {"gateway": "a"}}
        cache.put({"metadata": {**meta, "ownerReferences": [owned_by(uid)] if uid else []}})
    return cache


def test_only_what_this_very_gateway_controls_and_no_longer_wants_is_surplus() -> None:
    cache = cache_of({"wanted": "g", "unwanted": "g", "copied-labels": None, "of-an-earlier-gateway": "old"})

    found = surplus([cache], ("ns", "a"), OWNER, {(CONFIG_MAP, "wanted")})

    assert [(kind, record.key[1]) for kind, record in found] == [(CONFIG_MAP, "unwanted")]
