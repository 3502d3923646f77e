import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.kube.errors import UnavailableError
from tenantry_operator.kube.page import parse_page

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5))
def test_a_page_has_its_objects_as_they_were_sent(objects: list[dict[str, object]]) -> None:
    body = {"kind": "List", "items": objects, "metadata": {"resourceVersion": "7", "remainingItemCount": 3}}

    page = parse_page(orjson.dumps(body), "GET /x")

    assert list(page.items) == objects
    assert (page.version, page.more) == ("7", "")


def test_objects_are_parsed_as_they_are_asked_for() -> None:
    page = parse_page(
        b'{"metadata": {"resourceVersion": "7", "continue": "t"}, "items": [{"a": 1}, {"b": 1}]}', "GET /x"
    )

    assert next(page.items) == {"a": 1}
    assert next(page.items) == {"b": 1}
    assert list(page.items) == []
    assert page.more == "t"


def test_a_list_of_nothing_may_have_no_items() -> None:
    assert list(parse_page(b'{"metadata": {"resourceVersion": "7"}, "items": null}', "GET /x").items) == []


NO_LISTS = (
    b"",
    b"<html>Bad gateway</html>",
    b"[]",
    b"{}",
    b'{"metadata": {}, "items": []}',
    b'{"metadata": {"resourceVersion": ""}, "items": []}',
    b'{"metadata": {"resourceVersion": "7"',
    b'{"metadata": {"resourceVersion": "7"}, "items": [3]}',
    b'{"metadata": {"resourceVersion": "7"}, "items": [{}, {"a": "\xff"}]}',
    b"\xff",
)


@pytest.mark.parametrize("body", NO_LISTS)
def test_what_is_no_list_is_an_error_that_heals_and_never_an_empty_cluster(body: bytes) -> None:
    with pytest.raises(UnavailableError, match="not a list"):
        list(parse_page(body, "GET /x").items)
