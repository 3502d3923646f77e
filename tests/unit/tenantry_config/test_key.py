"""Keys as people write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.errors import ConfigError
from tenantry_config.key import Location, parse_key, path_of


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("gateway", ("gateway",)),
        ("bindings[0].agentId", ("bindings", 0, "agentId")),
        ('rbac.assignments."admin@company.com"', ("rbac", "assignments", "admin@company.com")),
        ("rbac.assignments.token:shared", ("rbac", "assignments", "token:shared")),
        (r'"a\"b".c', ('a"b', "c")),
    ],
)
def test_a_key_says_where_something_is(text: str, location: Location) -> None:
    assert parse_key(text) == location


@pytest.mark.parametrize(
    "text", ["", ".a", "a.", "a..b", "a[x]", "a[-1]", "a.[0]", '"a', 'a"b"', "a[0]b", r'"\q"', "["]
)
def test_what_is_no_key_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"bindings\[0\]\.agentId|is no name in quotes"):
        parse_key(text)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_name_can_be_written_in_quotes(names: list[str]) -> None:
    assert parse_key(".".join(map(json.dumps, names))) == tuple(names)


def test_a_path_in_a_message_is_a_key() -> None:
    assert parse_key(path_of(("bindings", 1, "agentId"))) == ("bindings", 1, "agentId")
