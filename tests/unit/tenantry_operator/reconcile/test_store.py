from typing import Any

import pytest

from tenantry_operator.errors import InvalidObject
from tenantry_operator.reconcile.store import Store

A, B = ("ns", "a"), ("ns", "b")


def gateway(version: int, name: str = "a", **more: Any) -> dict[str, Any]:
    meta = {"namespace": "ns", "name": name, "uid": f"u-{name}", "resourceVersion": str(version), "generation": 1}
    spec = {"provider": {"apiKeySecretRef": {"name": "k", "key": "k"}}, "agents": {"main": {"model": "m"}}}
    return {"kind": "Gateway", "metadata": meta, "spec": spec, **more}


def binding(version: int, target: str = "a", name: str = "x", **spec: Any) -> dict[str, Any]:
    meta = {"namespace": "ns", "name": name, "uid": f"u-{name}", "resourceVersion": str(version), "generation": 1}
    wanted = {"gatewayRef": {"name": target}, "agentId": "main", "match": {"channel": "slack"}, **spec}
    return {"kind": "AgentBinding", "metadata": meta, "spec": wanted}


@pytest.fixture
def store() -> Store:
    return Store.empty()


def test_what_is_new_names_the_gateway_to_look_at(store: Store) -> None:
    assert store.gateways.put(gateway(1)) == {A}
    assert store.bindings.put(binding(2)) == {A}
    assert store.gateway_keys() == {A}


def test_what_is_known_or_older_is_no_news(store: Store) -> None:
    store.gateways.put(gateway(5))

    assert store.gateways.put(gateway(5)) == set()
    assert store.gateways.put(gateway(4)) == set()
    assert store.gateways.remove(A, 4) == set()


def test_a_binding_that_moves_concerns_both_gateways(store: Store) -> None:
    store.bindings.put(binding(1, "a"))

    assert store.bindings.put(binding(2, "b")) == {A, B}
    assert store.bindings.of_gateway(A) == ()
    assert [entry.meta.name for entry in store.bindings.of_gateway(B)] == ["x"]


def test_a_list_heals_a_missed_deletion_and_spares_what_is_newer(store: Store) -> None:
    store.bindings.put(binding(1, name="missed"))
    store.bindings.put(binding(9, name="newer"))

    assert store.bindings.retain(store.bindings.sweep(), 5) == {A}
    assert [entry.meta.name for entry in store.bindings] == ["newer"]


def test_a_list_of_one_namespace_tells_nothing_of_others(store: Store) -> None:
    store.gateways.put(gateway(3))

    assert store.gateways.retain(store.gateways.sweep(), 8, "elsewhere") == set()
    assert store.gateways.put(gateway(4)) == {A}
    assert store.gateways.retain(store.gateways.sweep(), 8, "ns") == {A}
    assert store.gateways.put(gateway(7)) == set()


def test_a_late_event_does_not_bring_back_what_a_list_has_shown_to_be_gone(store: Store) -> None:
    store.gateways.put(gateway(3))
    store.gateways.retain(store.gateways.sweep(), 8)

    assert store.gateways.put(gateway(4)) == set()
    assert len(store.gateways) == 0
    assert store.gateways.put(gateway(9)) == {A}


def test_an_object_that_cannot_be_parsed_is_kept_with_the_reason(store: Store) -> None:
    assert store.gateways.put(gateway(1, spec={"agents": 7})) == {A}
    assert store.bindings.put(binding(2, agentId=[])) == {A}

    entry = store.gateways.get(A)
    assert entry is not None
    assert isinstance(entry.parsed, InvalidObject)
    assert isinstance(store.bindings.of_gateway(A)[0].parsed, InvalidObject)


@pytest.mark.parametrize("spec", [None, {}, {"gatewayRef": None}, {"gatewayRef": {"name": 3}}, "text"])
def test_a_binding_without_a_gateway_belongs_to_none(store: Store, spec: Any) -> None:
    assert store.bindings.put({**binding(1), "spec": spec}) == {("ns", "")}


def test_the_status_that_we_wrote_is_remembered_and_its_echo_is_no_news(store: Store) -> None:
    store.gateways.put(gateway(1))
    written = gateway(2, status={"replicas": 1})

    store.gateways.remember_status(written)

    entry = store.gateways.get(A)
    assert entry is not None
    assert entry.status == {"replicas": 1}
    assert not isinstance(entry.parsed, InvalidObject)
    assert entry.parsed.status == {"replicas": 1}
    assert store.gateways.put(written) == set()


@pytest.mark.parametrize(
    "difference",
    [
        {"uid": "other"},
        {"generation": 2},
        {"resourceVersion": "1"},
        {"annotations": {"tenantry.dev/rotate-token": "1"}},
    ],
)
def test_the_answer_to_a_write_on_another_state_is_not_taken(store: Store, difference: dict[str, Any]) -> None:
    store.gateways.put(gateway(1))
    written = gateway(2, status={"replicas": 1})
    written["metadata"] |= difference

    store.gateways.remember_status(written)

    entry = store.gateways.get(A)
    assert entry is not None
    assert entry.status == {}
