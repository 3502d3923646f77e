import pytest

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.common import ObjectMeta
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.agent_binding import binding_status, invalid_binding_status, judge, programmed
from tenantry_operator.conditions.observation import Problem, RouteId, Verdict
from tenantry_operator.errors import InvalidObject
from tests.unit.tenantry_operator.objects import (
    NOW,
    binding,
    binding_body,
    condition,
    gateway,
    observation,
    pod_view,
    serving,
)

SLACK = {"channel": "slack", "channelId": "ops"}
INLINE = [{**SLACK, "agentId": "main"}]


def verdict(subject: Gateway | None, route: AgentBinding, fault: Problem | None = None) -> Verdict:
    return judge(subject, [route], fault)[0]


def test_a_route_to_an_agent_that_exists_is_accepted() -> None:
    subject = verdict(gateway(), binding())

    assert (subject.accepted, subject.reason, subject.shadowed_by) == (True, "Accepted", None)


def test_a_route_to_a_gateway_that_does_not_exist_says_what_to_look_at() -> None:
    subject = verdict(None, binding())

    assert (subject.accepted, subject.reason) == (False, "GatewayNotFound")
    assert "Gateway team-a/assistants does not exist" in subject.message
    assert "kubectl -n team-a get tgw" in subject.message


def test_a_gateway_that_is_there_but_cannot_be_read_is_not_called_missing() -> None:
    subject = verdict(None, binding(), fault=Problem("InvalidSpec", "spec.port: too low"))

    assert (subject.accepted, subject.reason) == (False, "GatewayInvalid")
    assert "spec.port: too low" in subject.message


def test_an_unknown_agent_is_named_with_the_known_ones_and_the_nearest() -> None:
    agents = {"agents": {"devops": {"model": "m"}, "support": {"model": "m"}}}

    subject = verdict(gateway(agents), binding(agent="devop"))

    assert (subject.accepted, subject.reason) == (False, "AgentNotFound")
    assert subject.message == (
        'Gateway team-a/assistants has no agent "devop" (its agents: devops, support). '
        """Fix: kubectl -n team-a patch tab pager --type merge -p '{"spec":{"agentId":"devops"}}'"""
    )


def test_an_agent_like_no_other_leaves_the_choice_to_the_user() -> None:
    assert verdict(gateway(), binding(agent="zzz")).message.endswith("Fix: kubectl -n team-a edit tab pager")


def test_a_session_key_that_the_gateway_would_refuse_is_not_accepted() -> None:
    subject = verdict(gateway(), binding(spec={"sessionKey": "${channel}${senderId}"}))

    assert (subject.accepted, subject.reason) == (False, "InvalidBinding")
    assert "spec.sessionKey" in subject.message


def test_an_invalid_binding_harms_no_other() -> None:
    verdicts = judge(gateway(), [binding("bad", agent="nobody"), binding("good")])

    assert [(one.binding.meta.name, one.accepted) for one in verdicts] == [("bad", False), ("good", True)]


def test_the_older_of_two_equal_routes_wins_and_the_other_knows_by_which() -> None:
    young = binding("young", match=SLACK, created="2026-02-01T00:00:00Z")
    old = binding("old", match=SLACK, created="2026-01-01T00:00:00Z")

    verdicts = judge(gateway(), [young, old])

    assert [one.shadowed_by for one in verdicts] == ["AgentBinding team-a/old", None]
    assert all(one.accepted for one in verdicts)


def test_a_higher_priority_beats_age_and_inline() -> None:
    urgent = binding("urgent", match=SLACK, spec={"priority": 1})

    assert verdict(gateway({"bindings": INLINE}), urgent).shadowed_by is None


def test_an_inline_route_beats_an_equal_agent_binding() -> None:
    subject = verdict(gateway({"bindings": INLINE}), binding(match=SLACK))

    assert subject.shadowed_by == "spec.bindings[0] of Gateway team-a/assistants"


def test_a_rejected_route_shadows_none() -> None:
    rejected = binding("a", agent="nobody", match=SLACK)

    assert judge(gateway(), [rejected, binding("b", match=SLACK)])[1].shadowed_by is None


def test_an_accepted_route_is_programmed_once_every_pod_serves_it() -> None:
    status = binding_status(verdict(gateway(), binding()), serving(binding()), NOW)

    assert status["observedGeneration"] == 2
    assert [(one["type"], one["status"], one["observedGeneration"]) for one in status["conditions"]] == [
        ("Accepted", "True", 2),
        ("ResolvedRefs", "True", 2),
        ("Programmed", "True", 2),
    ]


@pytest.mark.parametrize(("served", "reason"), [(serving(), "Pending"), (None, "NoReadyPods")])
def test_a_route_is_not_programmed_unless_every_ready_pod_serves_it(served: frozenset[RouteId], reason: str) -> None:
    before = binding_status(verdict(gateway(), binding()), serving(binding()), NOW)

    status = binding_status(verdict(gateway(), binding(status=before)), served, NOW)

    assert (condition(status, "Programmed")["status"], condition(status, "Programmed")["reason"]) == ("False", reason)


def test_a_route_that_changed_itself_is_programmed_anew() -> None:
    body = binding_body()
    changed = AgentBinding.parse({**body, "metadata": {**body["metadata"], "generation": 3}})

    status = binding_status(verdict(gateway(), changed), serving(binding()), NOW)

    assert condition(status, "Programmed")["status"] == "False"


def test_a_rejected_route_is_not_programmed_even_where_it_was() -> None:
    first = binding_status(verdict(gateway(), binding()), serving(binding()), NOW)

    status = binding_status(verdict(None, binding(status=first)), serving(binding()), NOW)

    assert condition(status, "Accepted")["reason"] == "GatewayNotFound"
    assert condition(status, "ResolvedRefs")["status"] == "False"
    assert condition(status, "Programmed")["reason"] == "NotAccepted"


def test_an_invalid_route_has_its_references_resolved() -> None:
    status = binding_status(verdict(gateway(), binding(spec={"sessionKey": "${x}"})), serving(), NOW)

    assert condition(status, "Accepted")["status"] == "False"
    assert condition(status, "ResolvedRefs")["status"] == "True"


def test_conflicted_names_the_winner_and_is_absent_otherwise() -> None:
    shadowed = binding_status(verdict(gateway({"bindings": INLINE}), binding(match=SLACK)), serving(), NOW)
    alone = binding_status(verdict(gateway(), binding(match=SLACK)), serving(), NOW)

    assert condition(shadowed, "Conflicted")["status"] == "True"
    assert "spec.bindings[0] of Gateway team-a/assistants" in condition(shadowed, "Conflicted")["message"]
    assert not condition(alone, "Conflicted")


def test_what_all_ready_pods_serve_counts_and_no_other_pods_do() -> None:
    old, new = binding("old"), binding("new")
    pods = (pod_view("a"), pod_view("b"), pod_view("c", ready=False), pod_view("d", deleting=True))
    contents = {"1": serving(old), "2": serving(old, new)}

    def answer(**served: str) -> frozenset[RouteId] | None:
        return programmed(observation(pods=pods, served=served, contents=contents))

    assert answer(a="2", b="2") == serving(old, new)
    assert answer(a="2", b="2", c="1", d="unknown") == serving(old, new)
    assert answer(a="1", b="2") == serving(old), "both configurations hold the older route"
    assert answer(a="2") == serving(), "one has not been heard"
    assert answer(a="2", b="unknown") == serving()
    assert programmed(observation(pods=(pod_view(ready=False),), contents=contents)) is None


def test_a_binding_that_cannot_be_parsed_says_where() -> None:
    meta = ObjectMeta.parse(binding_body())

    status = invalid_binding_status(meta, {}, InvalidObject("spec.match.channel", "too long"), NOW)

    assert condition(status, "Accepted")["message"] == "spec.match.channel: too long"
    assert condition(status, "Programmed")["status"] == "False"


def test_a_route_of_a_suspended_gateway_is_not_programmed_and_says_why() -> None:
    status = binding_status(verdict(gateway({"suspended": True}), binding()), None, NOW)

    assert condition(status, "Accepted")["status"] == "True"
    assert condition(status, "Programmed")["reason"] == "GatewaySuspended"
