"""Escaping: what the operator writes is what the gateway reads."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.escape import escape_substitutions
from tenantry_config.load import Resolved, load_config

FRAGMENTS = st.sampled_from(
    ["$", "$$", "{", "}", "${", "${A}", "$${A}", "${GATEWAY_TOKEN}", "${channel}", "${_X9}", "x", "\n"]
)


def stolen(_name: str) -> Resolved:
    return Resolved("STOLEN")


@given(st.lists(FRAGMENTS, min_size=1).map("".join) | st.text(min_size=1))
def test_an_escaped_string_loads_as_the_string_itself(value: str) -> None:
    document = {"agents": {"main": {"model": "m", "system": escape_substitutions(value)}}}
    config = load_config(yaml.safe_dump(document), stolen)

    assert config.agents["main"].system == value


def test_upper_case_variables_get_one_more_dollar() -> None:
    assert escape_substitutions("${A} $${A} ${channel} $A") == "$${A} $$${A} ${channel} $A"
