import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.kube.kinds import Json
from tenantry_operator.kube.projection import digest, live_digest, manifest_digest, owned_fields, project

MANAGER = "tenantry-operator"


def live_object(content: dict[str, Any], fields: dict[str, Any], **entry: Any) -> dict[str, Any]:
    managed = {"manager": MANAGER, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields, **entry}
    meta = {"name": "a", "namespace": "b", "uid": "u", **content.get("metadata", {}), "managedFields": [managed]}
    return {"apiVersion": "v1", "kind": "ConfigMap", **content, "metadata": meta}


def test_a_field_that_we_own_is_kept_and_one_that_others_added_is_not() -> None:
    live = live_object({"data": {"ours": "1", "theirs": "2"}}, {"f:data": {"f:ours": {}}})

    assert owned_fields(live, MANAGER) == {"data": {"ours": "1"}}


def test_a_field_that_somebody_took_over_is_missing() -> None:
    live = live_object({"data": {"taken": "2"}}, {"f:data": {".": {}}})

    assert owned_fields(live, MANAGER) == {"data": {}}


def test_list_items_are_found_by_their_keys_and_keep_the_lists_order() -> None:
    env = [{"name": "theirs", "value": "0"}, {"name": "b", "value": "1"}, {"name": "a", "value": "2", "x": 1}]
    fields: Json = {
        "f:env": {
            'k:{"name":"a"}': {".": {}, "f:name": {}, "f:value": {}},
            'k:{"name":"b"}': {".": {}, "f:name": {}, "f:value": {}},
        }
    }

    assert project({"env": env}, fields) == {"env": [{"name": "b", "value": "1"}, {"name": "a", "value": "2"}]}


def test_list_items_with_several_keys_match_all_of_them() -> None:
    ports = [{"port": 1, "protocol": "UDP"}, {"port": 1, "protocol": "TCP", "name": "http"}]
    fields: Json = {"f:ports": {'k:{"port":1,"protocol":"TCP"}': {"f:port": {}, "f:name": {}}}}

    assert project({"ports": ports}, fields) == {"ports": [{"port": 1, "name": "http"}]}


def test_items_of_sets_are_found_by_value_and_of_other_lists_by_index() -> None:
    assert project(["x", "y"], {'v:"y"': {}}) == ["y"]
    assert project([1, 2, 3], {"i:1": {}}) == [2]
    assert project([1], {"i:1": {}}) == []


def test_an_item_that_is_gone_is_left_out() -> None:
    assert project([{"name": "a"}], {'k:{"name":"gone"}': {"f:name": {}}}) == []


def test_an_atomic_value_is_kept_whole() -> None:
    assert project({"args": ["a", "b"]}, {"f:args": {}}) == {"args": ["a", "b"]}


def test_only_our_own_applies_count() -> None:
    content = {"data": {"a": "1"}}
    fields: Json = {"f:data": {"f:a": {}}}

    for entry in ({"manager": "kubectl"}, {"operation": "Update"}, {"subresource": "status"}):
        assert owned_fields(live_object(content, fields, **entry), MANAGER) == {}


def test_an_object_without_managed_fields_has_nothing_of_ours() -> None:
    assert owned_fields({"metadata": {"name": "a"}}, MANAGER) == {}
    assert live_digest({"metadata": {"name": "a"}}, MANAGER) == digest({"metadata": {}})


def test_the_identity_of_an_object_is_no_part_of_its_digest() -> None:
    manifest: Json = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "namespace": "b"}, "data": {"k": "v"}}
    other = {**manifest, "metadata": {"name": "c", "namespace": "d"}}

    assert manifest_digest(manifest) == manifest_digest(other) == digest({"metadata": {}, "data": {"k": "v"}})


SCALARS = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=8)
NAMES = st.text("abcdefgh./-", min_size=1, max_size=6)
# Nothing empty: an empty map that was applied counts as a whole value, with whatever others put into it.
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=4) | st.lists(SCALARS, max_size=3),
    max_leaves=12,
)
CONTENTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)


def fields_of(value: Any) -> dict[str, Any]:
    """The FieldsV1 set of an applied value: maps are granular, lists atomic."""
    if not isinstance(value, dict):
        return {}
    return {f"f:{name}": fields_of(inner) for name, inner in value.items()}


def with_foreign(value: Any) -> Any:
    """The same value with fields of others in each of its maps."""
    if not isinstance(value, dict):
        return value
    return {**{name: with_foreign(inner) for name, inner in value.items()}, "foreign!": {"x": 1}}


@given(CONTENTS)
def test_what_was_applied_is_read_back_whatever_others_add(content: dict[str, Any]) -> None:
    assert project(with_foreign(content), fields_of(content)) == content


@given(CONTENTS, st.data())
def test_a_changed_leaf_changes_the_digest(content: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(content)))
    changed = {**content, name: {"edited": "by somebody"}}

    before = digest(project(content, fields_of(content)))

    assert digest(project(changed, fields_of(content))) != before or content[name] == changed[name]


@given(CONTENTS)
def test_the_order_of_keys_does_not_matter(content: dict[str, Any]) -> None:
    backwards = json.loads(json.dumps(dict(reversed(content.items()))))

    assert digest(content) == digest(backwards)
