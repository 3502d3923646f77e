"""Claimed identities never enter verified sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.document import AgentConfig, Config, RbacConfig
from tenantry_gateway.identity.principal import Principal, shared_principal
from tenantry_gateway.routing.destination import Address, find_destination

CONFIG = Config(agents={"main": AgentConfig(model="m")})
ALICE = Principal("alice", "user", may_name_others=False, personal=True)
OLGA = Principal("olga", "operator", may_name_others=True, personal=True)
SHARED = shared_principal(RbacConfig())
NAMES = st.none() | st.sampled_from(["alice", "olga", "api", "slack", "token:shared"])


def test_a_person_speaking_as_themselves_has_a_verified_session() -> None:
    session = find_destination(CONFIG, ALICE, Address()).session

    assert (session.provenance, session.key) == ("verified", "agent:main:api:alice")


@given(NAMES, NAMES, NAMES)
def test_nothing_that_an_integration_says_leads_into_a_verified_session(
    channel: str | None, channel_id: str | None, sender_id: str | None
) -> None:
    assert find_destination(CONFIG, SHARED, Address(channel, channel_id, sender_id)).session.provenance == "claimed"


@given(NAMES, NAMES, st.sampled_from([None, "alice"]))
def test_another_persons_verified_session_cannot_be_reached_by_naming_channels(
    channel: str | None, channel_id: str | None, olga_says: str | None
) -> None:
    alices = find_destination(CONFIG, ALICE, Address()).session

    assert find_destination(CONFIG, OLGA, Address(channel, channel_id, olga_says)).session != alices


@pytest.mark.parametrize("channel", [None, "api"])
def test_naming_the_own_channel_is_saying_nothing(channel: str | None) -> None:
    assert find_destination(CONFIG, ALICE, Address(channel=channel)).session.provenance == "verified"
