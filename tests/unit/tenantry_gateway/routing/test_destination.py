"""Claimed identities never enter verified sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.document import AgentConfig, BindingConfig, Config, RbacConfig
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


def with_bindings(*bindings: BindingConfig) -> Config:
    return Config(agents={"main": AgentConfig(model="m")}, bindings=bindings)


def route_to(template: str | None, name: str | None = None, namespace: str | None = None) -> BindingConfig:
    return BindingConfig(channel="slack", agent_id="main", session_key=template, name=name, namespace=namespace)


@pytest.mark.parametrize("template", [None, "one", "${channelId}", "agent:main:slack:${channelId}"])
def test_conversations_of_another_namespaces_route_never_meet_those_of_the_own_or_of_a_third(
    template: str | None,
) -> None:
    """Though their session keys may be equal, which their owners choose."""
    address = Address("slack", "ops")
    routes = [route_to(template), route_to(template, "tab", "team-b"), route_to(template, "tab", "team-c")]

    sessions = [find_destination(with_bindings(each), SHARED, address).session for each in routes]

    assert len({session.key for session in sessions}) == 1
    assert len(set(sessions)) == 3
    assert [session.namespace for session in sessions] == [None, "team-b", "team-c"]


def test_a_route_of_another_namespace_takes_only_what_no_own_one_takes() -> None:
    guest = BindingConfig(
        channel="slack", channel_id="ops", sender_id="u", agent_id="main", priority=1000, name="tab", namespace="team-b"
    )
    config = with_bindings(guest, BindingConfig(channel="slack", channel_id="ops", agent_id="main", priority=-1000))

    assert find_destination(config, SHARED, Address("slack", "ops", "u")).binding == 1
    assert find_destination(with_bindings(guest), SHARED, Address("slack", "ops", "u")).binding == "team-b/tab"
