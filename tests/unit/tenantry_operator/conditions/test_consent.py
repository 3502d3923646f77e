"""Bindings of other namespaces: what they may do, and what they may know."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions import consent
from tenantry_operator.conditions.agent_binding import binding_status, judge
from tenantry_operator.conditions.gateway import bindings_accepted, gateway_status
from tenantry_operator.conditions.observation import Problem, Verdict
from tests.unit.tenantry_operator import specs
from tests.unit.tenantry_operator.objects import NOW, binding, condition, gateway, observation

LABELS = {"team-b": {"env": "prod"}, "team-c": {}}
SLACK = {"channel": "slack", "channelId": "ops"}


def consenting(*rules: dict[str, Any], **spec: Any) -> Gateway:
    agents = {"main": {"model": "m"}, "secret": {"model": "m"}}
    return gateway({"agents": agents, "allowedBindings": list(rules), **spec})


def by_name(*names: str, **limits: list[str]) -> dict[str, Any]:
    return {"namespaces": {"from": "Names", "names": list(names)}, **limits}


def by_label(**selector: Any) -> dict[str, Any]:
    return {"namespaces": {"from": "Selector", "selector": selector}}


def guest(name: str = "guest", namespace: str = "team-b", **more: Any) -> AgentBinding:
    return binding(name, namespace=namespace, **more)


def verdict(subject: Gateway | None, route: AgentBinding, fault: Problem | None = None) -> Verdict:
    return judge(subject, [route], fault, labels_of=LABELS.get)[0]


def test_a_namespace_that_is_allowed_may_bind() -> None:
    assert verdict(consenting(by_name("team-b")), guest()).accepted
    assert verdict(consenting({"namespaces": {"from": "All"}}), guest()).accepted


@given(st.lists(specs.agent_ids, min_size=1, max_size=3, unique=True).flatmap(specs.allowed_bindings))
def test_what_does_not_consent_looks_like_what_is_not_there(rules: list[dict[str, Any]]) -> None:
    """Whatever the Gateway is, and whatever state it is in."""
    named = {agent for rule in rules for agent in rule.get("agents", ())}
    subject = gateway({"agents": {agent: {"model": "m"} for agent in {"main", *named}}, "allowedBindings": rules})
    stranger = guest(namespace="not-in-any-rule-of-this-test")

    found = judge(subject, [stranger], labels_of=consent.unknown_labels)[0]

    if any(rule["namespaces"]["from"] == "All" for rule in rules):
        assert not found.stranger
        return
    missing = judge(None, [stranger])[0]
    unreadable = judge(None, [stranger], Problem("InvalidSpec", "spec.agents: secret"))[0]
    assert found == missing == unreadable
    assert binding_status(found, None, NOW) == binding_status(missing, None, NOW)


def test_the_own_namespace_needs_no_consent() -> None:
    assert verdict(gateway(), binding()).accepted


def test_the_gateway_that_is_not_there_is_told_with_both_ways_out() -> None:
    said = verdict(consenting(), guest())

    assert (said.accepted, said.reason, said.stranger) == (False, "GatewayNotFound", True)
    assert "ask the owners of namespace team-a to allow namespace team-b" in said.message


@pytest.mark.parametrize(
    ("selector", "namespace", "accepted"),
    [
        ({"matchLabels": {"env": "prod"}}, "team-b", True),
        ({"matchLabels": {"env": "prod"}}, "team-c", False),
        ({"matchLabels": {"env": "prod"}}, "unknown", False),
        ({"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev", "prod"]}]}, "team-b", True),
        ({"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev"]}]}, "team-b", False),
        ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}, "team-b", False),
        ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}, "team-c", True),
        ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}, "unknown", False),
        ({"matchExpressions": [{"key": "env", "operator": "Exists"}]}, "team-b", True),
        ({"matchExpressions": [{"key": "env", "operator": "Exists"}]}, "team-c", False),
        ({"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}, "team-c", True),
        (
            {"matchLabels": {"env": "prod"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]},
            "team-b",
            False,
        ),
    ],
)
def test_namespaces_are_selected_by_their_labels(selector: dict[str, Any], namespace: str, accepted: bool) -> None:
    assert verdict(consenting(by_label(**selector)), guest(namespace=namespace)).accepted is accepted


def test_an_agent_that_is_not_allowed_looks_like_one_that_is_not_there() -> None:
    subject = consenting(by_name("team-b", agents=["main"]))

    hidden, absent = verdict(subject, guest(agent="secret")), verdict(subject, guest(agent="nobody"))

    assert hidden.reason == absent.reason == "AgentNotFound"
    assert hidden.message == absent.message.replace("nobody", "secret")
    assert "main" not in hidden.message
    assert not hidden.stranger


def test_a_channel_that_is_not_allowed_is_named_with_those_that_are() -> None:
    subject = consenting(by_name("team-b", channels=["slack", "webhook"], agents=["main"]), by_name("team-b"))
    narrow = consenting(by_name("team-b", channels=["slack", "telegram"]))

    assert verdict(subject, guest()).accepted, "one rule is enough"
    said = verdict(narrow, guest())
    assert (said.accepted, said.reason) == (False, "ChannelNotAllowed")
    assert 'from the channels slack, telegram, not "webhook"' in said.message
    assert verdict(narrow, guest(match={"channel": "*"})).reason == "ChannelNotAllowed"
    assert verdict(narrow, guest(match=SLACK)).accepted


def test_agents_and_channels_of_different_rules_do_not_add_up() -> None:
    subject = consenting(
        by_name("team-b", agents=["main"], channels=["slack"]),
        by_name("team-b", agents=["secret"], channels=["webhook"]),
    )

    assert verdict(subject, guest()).reason == "ChannelNotAllowed"
    assert verdict(subject, guest(agent="secret")).accepted


def shadowed(subject: Gateway, *routes: AgentBinding) -> list[str | None]:
    return [one.shadowed_by for one in judge(subject, routes, labels_of=LABELS.get)]


def test_a_guest_is_beaten_by_every_own_route_that_covers_it_and_is_not_told_which() -> None:
    subject = consenting(by_name("team-b"), bindings=[{"channel": "*", "agentId": "main", "priority": -5}])
    own = binding("own", match={"channel": "slack"})
    eager = guest(match={**SLACK, "senderId": "u"}, spec={"priority": 1000})

    assert shadowed(subject, eager) == ["A route of the Gateway's own namespace"]
    assert shadowed(consenting(by_name("team-b")), own, eager) == [None, "A route of the Gateway's own namespace"]


def test_a_guest_learns_the_name_of_a_winner_of_its_own_namespace_alone() -> None:
    subject = consenting({"namespaces": {"from": "All"}})
    old = guest("old", match=SLACK)

    same = guest("young", match=SLACK, created="2026-03-01T00:00:00Z")
    other = guest("young", "team-c", match=SLACK, created="2026-03-01T00:00:00Z")

    assert shadowed(subject, old, same) == [None, "AgentBinding team-b/old"]
    assert shadowed(subject, old, other) == [None, "An AgentBinding of another namespace"]


def test_a_guest_never_shadows_an_own_route() -> None:
    subject = consenting(by_name("team-b"))
    urgent = guest(match=SLACK, created="2020-01-01T00:00:00Z", spec={"priority": 1000})

    assert shadowed(subject, urgent, binding("own", match=SLACK))[1] is None


def test_one_other_namespace_gets_its_share_and_the_older_come_first() -> None:
    subject = consenting({"namespaces": {"from": "All"}})
    crowd = [
        guest(f"g{number:03}", created=f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z") for number in range(101)
    ]
    other = guest("late", "team-c", created="2026-12-01T00:00:00Z")

    verdicts = judge(subject, [*reversed(crowd), other, binding()])

    rejected = [one for one in verdicts if not one.accepted]
    assert [one.binding.meta.name for one in rejected] == ["g100"]
    assert rejected[0].reason == "TooManyBindings"
    assert "takes 100 AgentBindings of another namespace" in rejected[0].message


def test_the_own_namespace_comes_first_when_a_gateway_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "MAX_ACCEPTED", 2)
    subject = consenting(by_name("team-b"))
    early = guest("early", created="2020-01-01T00:00:00Z")

    verdicts = judge(subject, [early, binding("a"), binding("b")])

    assert [(one.binding.meta.name, one.reason) for one in verdicts if not one.accepted] == [
        ("early", "TooManyBindings")
    ]


def test_what_does_not_fit_into_the_configuration_is_surplus() -> None:
    a, b = binding("a"), binding("b")

    verdicts = judge(gateway(), [a, b], fitting={a.key})

    assert [one.reason for one in verdicts] == ["Accepted", "TooManyBindings"]


def test_strangers_leave_no_trace_in_the_gateways_status() -> None:
    subject = consenting(by_name("team-c"))
    crowd = [guest(f"g{number}") for number in range(20)]

    seen = observation(subject, verdicts=judge(subject, crowd, labels_of=LABELS.get))

    assert gateway_status(seen, NOW) == gateway_status(observation(subject), NOW)


def test_what_a_guest_gets_wrong_is_a_note_and_no_trouble_of_the_gateway() -> None:
    subject = consenting(by_name("team-b"))

    seen = observation(subject, verdicts=judge(subject, [guest(agent="nobody"), guest("good")]))
    found = bindings_accepted(seen)

    assert (found.status, found.reason) == ("True", "AllAccepted")
    assert "AgentBindings accepted: 1." in found.message
    assert "Not accepted from other namespaces: team-b/guest (AgentNotFound)." in found.message
    assert gateway_status(seen, NOW)["bindings"] == 1


def test_a_selector_without_effect_is_told_by_the_gateway() -> None:
    subject = consenting(by_label(matchLabels={"env": "prod"}))

    status = gateway_status(observation(subject, blind_selectors=Problem("NamespacesUnreadable", "why")), NOW)

    said = condition(status, "BindingsAccepted")
    assert (said["status"], said["reason"], said["message"]) == ("False", "NamespacesUnreadable", "why")
