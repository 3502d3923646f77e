"""Routing: what shadows what, foreign bindings, session keys, errors. Precedence: test_routing_reference.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.document import AgentConfig, BindingConfig, Config
from tenantry_config.routing import (
    Message,
    NoRoute,
    Route,
    TemplateError,
    label,
    matches,
    precedence,
    route,
    session_key,
    shadowed_by,
)

AGENTS = {name: AgentConfig(model="m") for name in ("a", "b")}
OPTIONAL = st.sampled_from([None, "x", "y"])


@st.composite
def bindings(draw: st.DrawFn) -> BindingConfig:
    name = draw(st.sampled_from([None, "n1", "n2"]))
    return BindingConfig(
        channel=draw(st.sampled_from(["*", "slack", "api"])),
        channel_id=draw(OPTIONAL),
        sender_id=draw(OPTIONAL),
        agent_id=draw(st.sampled_from(["a", "b"])),
        priority=draw(st.integers(-1, 1)),
        name=name,
        namespace=draw(st.sampled_from([None, "other"])) if name else None,
    )


UNIVERSE = [
    Message(channel, channel_id, sender_id)
    for channel in ("slack", "api", "fresh")
    for channel_id in (None, "x", "y", "fresh")
    for sender_id in (None, "x", "y", "fresh")
]
"""Every message that bindings of these tests can tell apart: each value that they know, one unknown, and none."""


@given(st.lists(bindings(), max_size=8))
def test_exactly_the_bindings_that_never_take_a_message_are_shadowed(candidates: list[BindingConfig]) -> None:
    config = Config(agents=AGENTS, default_agent="a", bindings=tuple(candidates))

    taking = {route(config, message).index for message in UNIVERSE}

    assert set(shadowed_by(candidates)) == set(range(len(candidates))) - taking


@given(st.lists(bindings(), max_size=8))
def test_what_shadows_a_binding_takes_all_of_its_messages_and_is_not_shadowed(candidates: list[BindingConfig]) -> None:
    shadowed = shadowed_by(candidates)

    for loser, winner in shadowed.items():
        assert winner not in shadowed
        assert precedence(candidates[winner], winner) < precedence(candidates[loser], loser)
        assert all(matches(candidates[winner], each) for each in UNIVERSE if matches(candidates[loser], each))


@given(st.lists(bindings(), max_size=8))
def test_a_foreign_binding_changes_nothing_for_messages_that_an_own_one_takes(candidates: list[BindingConfig]) -> None:
    own = [binding for binding in candidates if binding.namespace is None]
    with_guests = Config(agents=AGENTS, default_agent="a", bindings=(*own, *candidates))
    alone = Config(agents=AGENTS, default_agent="a", bindings=tuple(own))

    for message in UNIVERSE:
        if any(matches(binding, message) for binding in own):
            assert route(with_guests, message) == route(alone, message)


def test_a_foreign_namespace_never_beats_the_own_one_however_specific() -> None:
    own = BindingConfig(channel="*", agent_id="a", priority=-5)
    foreign = BindingConfig(
        channel="slack", channel_id="c", sender_id="s", agent_id="b", priority=9, name="n", namespace="o"
    )
    config = Config(agents=AGENTS, bindings=(foreign, own))

    assert route(config, Message("slack", "c", "s")).binding is own


def test_without_a_route_the_error_names_the_nearest_bindings() -> None:
    config = Config(
        agents=AGENTS,
        bindings=(
            BindingConfig(channel="telegram", sender_id="zoe", agent_id="a"),
            BindingConfig(channel="slack", channel_id="devops", agent_id="a"),
            BindingConfig(
                channel="slack", channel_id="ops", sender_id="bob", agent_id="b", name="tab", namespace="team-b"
            ),
        ),
    )

    with pytest.raises(NoRoute) as caught:
        route(config, Message("slack", "devop", "bob"))

    text = str(caught.value)
    assert text.startswith('no binding matches channel "slack", channelId "devop", senderId "bob"')
    assert text.index("team-b/tab") < text.index("bindings[1]") < text.index("bindings[0]")


def test_without_agents_the_error_says_so() -> None:
    with pytest.raises(NoRoute, match="no agent is configured"):
        route(Config(), Message("api"))


def test_the_default_session_is_of_the_channel_id_else_of_the_sender() -> None:
    chosen = Route("main")

    assert session_key(chosen, Message("slack", "General", "bob")) == "agent:main:slack:%47eneral"
    assert session_key(chosen, Message("api", None, "token:shared")) == "agent:main:api:token%3ashared"
    with pytest.raises(TemplateError):
        session_key(chosen, Message("api"))


def test_a_template_makes_the_key() -> None:
    binding = BindingConfig(channel="*", agent_id="a", session_key="${agentId}:${channel}:${senderId}")

    assert session_key(Route("a", binding, 0), Message("slack", None, "U1")) == "a:slack:%551"
    with pytest.raises(TemplateError, match="senderId"):
        session_key(Route("a", binding, 0), Message("slack", "c"))


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_two_senders_of_a_channel_never_share_a_session_by_accident(first: str, second: str) -> None:
    keys = [session_key(Route("main"), Message("api", None, sender)) for sender in (first, second)]

    assert (keys[0] == keys[1]) == (first == second)
    assert not any(character in key for key in keys for character in "/\\\0 ")


def test_bindings_are_named_as_people_know_them() -> None:
    binding = BindingConfig(channel="a", agent_id="a")

    assert label(binding, 3) == "bindings[3]"
    assert label(binding.model_copy(update={"name": "tab"}), 3) == "tab"
    assert label(binding.model_copy(update={"name": "tab", "namespace": "ns"}), 3) == "ns/tab"
