"""Routing against a reference that compares two bindings at a time, by rules spelt out from DESIGN section 5."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tenantry_config.document import AgentConfig, BindingConfig, Config
from tenantry_config.routing import Message, Route, route, session_key

AGENTS = {name: AgentConfig(model="m") for name in ("a", "b")}
IDS = st.sampled_from([None, "*", "x", "y"])


@st.composite
def bindings(draw: st.DrawFn) -> BindingConfig:
    name = draw(st.sampled_from([None, "n"]))
    return BindingConfig(
        channel=draw(st.sampled_from(["*", "p", "q"])),
        channel_id=draw(IDS),
        sender_id=draw(IDS),
        agent_id=draw(st.sampled_from(["a", "b"])),
        priority=draw(st.sampled_from([-1, 0, 5])),
        name=name,
        namespace=draw(st.sampled_from([None, "foreign"])) if name else None,
    )


MESSAGES = st.builds(Message, st.sampled_from(["p", "q", "r"]), st.sampled_from([None, "x", "z"]), st.just("x"))


def takes(binding: BindingConfig, message: Message) -> bool:
    if binding.channel not in ("*", message.channel):
        return False
    if binding.channel_id is not None and binding.channel_id != message.channel_id:
        return False
    return binding.sender_id is None or binding.sender_id == message.sender_id


def wins(one: BindingConfig, other: BindingConfig, *, listed_first: bool) -> bool:
    """Whether `one` is asked before `other`: the first rule that tells them apart decides."""
    rules = (
        (one.namespace is None, other.namespace is None),
        (one.sender_id is not None, other.sender_id is not None),
        (one.channel_id is not None, other.channel_id is not None),
        (one.channel != "*", other.channel != "*"),
    )
    for mine, theirs in rules:
        if mine != theirs:
            return mine
    if one.priority != other.priority:
        return one.priority > other.priority
    if (one.name is None) != (other.name is None):
        return one.name is None
    return listed_first


@given(st.lists(bindings(), max_size=7), MESSAGES)
@settings(max_examples=400)
def test_the_binding_that_answers_beats_each_other_one_that_matches(
    candidates: list[BindingConfig], message: Message
) -> None:
    found = route(Config(agents=AGENTS, default_agent="a", bindings=tuple(candidates)), message)

    rivals = {index for index, binding in enumerate(candidates) if takes(binding, message)}
    if not rivals:
        assert found == Route("a")
        return
    assert found.index in rivals
    assert found.binding is candidates[found.index]
    assert found.agent_id == found.binding.agent_id
    for rival in rivals - {found.index}:
        assert wins(found.binding, candidates[rival], listed_first=found.index < rival)


PARTS = st.text(alphabet="ab:%/.~ABаａ\0", min_size=1, max_size=6) | st.sampled_from(["x" * 101, "X" * 300, "../.."])  # noqa: RUF001


@given(st.tuples(PARTS, PARTS), st.tuples(PARTS, PARTS))
@settings(max_examples=400)
def test_two_senders_or_channels_never_share_a_key_not_even_where_case_does_not_count(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    keys = [session_key(Route("a"), Message(channel, None, sender)).lower() for channel, sender in (one, other)]

    assert (keys[0] == keys[1]) == (one == other)
