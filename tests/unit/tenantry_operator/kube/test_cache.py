from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.kube.cache import Cache, Labels, Record, Sweep, record_of
from tenantry_operator.kube.kinds import CONFIG_MAP, Key

NAMES = Labels("tenantry.dev/gateway", "app.kubernetes.io/managed-by")


def live(name: str, version: int, gateway: str = "a", uid: str = "u", **meta: Any) -> dict[str, Any]:
    labels = {NAMES.gateway: gateway, NAMES.managed_by: "m"} if gateway else {}
    metadata = {"namespace": "ns", "name": name, "uid": uid, "resourceVersion": str(version), "labels": labels, **meta}
    return {"metadata": metadata, "data": {"v": version}}


class Heard:
    """A cache and what it told."""

    def __init__(self) -> None:
        self.told: list[tuple[int | None, int | None]] = []
        self.cache = Cache(CONFIG_MAP, self.project, self.listen)

    def project(self, body: dict[str, Any]) -> Record | None:
        return record_of(body, NAMES, digest=str(body["data"]["v"]).encode())

    def listen(self, old: Record | None, new: Record | None) -> None:
        self.told.append((old.version if old else None, new.version if new else None))


def test_the_record_keeps_what_decisions_need() -> None:
    owner = {"apiVersion": "tenantry.dev/v1alpha1", "kind": "Gateway", "name": "a", "uid": "g", "controller": True}
    other = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "n"}

    record = record_of(live("x", 7, ownerReferences=[other, owner], deletionTimestamp="now"), NAMES, b"d", "view")

    assert (record.key, record.uid, record.version, record.gateway) == (("ns", "x"), "u", 7, "a")
    assert record.owner == ("tenantry.dev/Gateway", "g")
    assert (record.deleting, record.digest, record.view) == (True, b"d", "view")


def test_an_older_object_never_replaces_a_newer_one() -> None:
    heard = Heard()
    heard.cache.put(live("x", 5))

    heard.cache.put(live("x", 4))

    assert [record.version for record in heard.cache.of_gateway(("ns", "a"))] == [5]
    assert heard.told == [(None, 5)]


def test_what_our_own_writes_bring_is_kept_and_not_told_and_its_echo_is_not_either() -> None:
    heard = Heard()

    heard.cache.put(live("x", 5), quiet=True)
    heard.cache.put(live("x", 5))

    assert len(heard.cache) == 1
    assert heard.told == []


def test_a_new_version_with_nothing_new_in_it_is_not_told() -> None:
    heard = Heard()
    heard.cache.put(live("x", 5))

    heard.cache.put({**live("x", 6), "data": {"v": 5}})

    assert heard.told == [(None, 5)]


def test_a_deletion_older_than_the_object_is_ignored() -> None:
    heard = Heard()
    heard.cache.put(live("x", 5))

    heard.cache.deleted(live("x", 4))
    assert len(heard.cache) == 1

    heard.cache.deleted(live("x", 6))
    assert len(heard.cache) == 0
    assert heard.told[-1] == (5, None)


def test_after_a_list_what_is_not_in_it_is_gone_unless_it_is_newer_than_the_list() -> None:
    heard = Heard()
    for name, version in (("kept", 3), ("gone", 4), ("newer", 9)):
        heard.cache.put(live(name, version))

    swept = heard.cache.sweep()
    swept.see(("ns", "kept"))
    heard.cache.retain(swept, 8)

    assert sorted(record.key[1] for record in heard.cache.of_gateway(("ns", "a"))) == ["kept", "newer"]


def test_a_list_of_one_namespace_tells_nothing_of_others() -> None:
    heard = Heard()
    heard.cache.put(live("here", 3))

    heard.cache.retain(heard.cache.sweep(), 8, "elsewhere")
    assert len(heard.cache) == 1

    heard.cache.retain(heard.cache.sweep(), 8, "ns")
    assert len(heard.cache) == 0


def test_objects_are_found_by_gateway_also_after_their_label_changed() -> None:
    heard = Heard()
    heard.cache.put(live("x", 1, gateway="a"))

    heard.cache.put(live("x", 2, gateway="b"))

    assert list(heard.cache.of_gateway(("ns", "a"))) == []
    assert [record.key[1] for record in heard.cache.of_gateway(("ns", "b"))] == ["x"]
    assert list(heard.cache.of_gateway(("other", "b"))) == []


EVENTS = st.lists(st.tuples(st.sampled_from("xyz"), st.booleans()), max_size=12)


@given(EVENTS, st.data())
def test_events_that_come_late_or_twice_change_nothing(events: list[tuple[str, bool]], data: st.DataObject) -> None:
    """The true history numbers its events; the cache may see any of them again later."""
    heard = Heard()
    history = [(version, name, alive) for version, (name, alive) in enumerate(events, start=1)]
    truth: dict[str, int] = {}
    for position, (version, name, alive) in enumerate(history):
        if alive:
            truth[name] = version
            heard.cache.put(live(name, version))
        else:
            truth.pop(name, None)
            heard.cache.deleted(live(name, version))
        earlier = data.draw(st.sampled_from(history[: position + 1]))
        if earlier[1] in truth and earlier[2]:
            heard.cache.put(live(earlier[1], earlier[0]))

    assert {record.key[1]: record.version for record in heard.cache.of_gateway(("ns", "a"))} == truth


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["a", "b", ""]), st.booleans()), max_size=20))
def test_the_objects_of_a_gateway_are_those_whose_latest_label_names_it(steps: list[tuple[str, str, bool]]) -> None:
    heard, labels = Heard(), dict[str, str]()
    for version, (name, gateway, gone) in enumerate(steps, 1):
        labels.pop(name, None)
        if gone:
            heard.cache.remove(("ns", name), version)
        else:
            heard.cache.put(live(name, version, gateway=gateway))
            labels[name] = gateway

    for gateway in ("a", "b"):
        found = sorted(record.key[1] for record in heard.cache.of_gateway(("ns", gateway)))
        assert found == sorted(name for name, label in labels.items() if label == gateway)


KEYS = st.frozensets(st.sampled_from([("ns", name) for name in "abcdef"]))


@given(before=KEYS, shown=KEYS, after=KEYS)
def test_a_list_tells_of_whatever_is_known_and_was_not_shown(
    before: frozenset[Key], shown: frozenset[Key], after: frozenset[Key]
) -> None:
    swept = Sweep(before)
    for key in shown:
        swept.see(key)

    assert swept.gone(after) == after - shown
