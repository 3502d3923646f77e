import pytest

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.common import ObjectMeta
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.agent_binding import binding_status, invalid_binding_status, judge, programmed
from tenantry_operator.conditions.observation import Problem, Verdict
from tenantry_operator.errors import InvalidObject
from tests.unit.tenantry_operator.objects import NOW, binding, binding_body, condition, gateway, observation, pod_view

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
    status = binding_status(verdict(gateway(), binding()), programmed=True, now=NOW)

    assert status["observedGeneration"] == 2
    assert [(one["type"], one["status"], one["observedGeneration"]) for one in status["conditions"]] == [
        ("Accepted", "True", 2),
        ("ResolvedRefs", "True", 2),
        ("Programmed", "True", 2),
    ]


@pytest.mark.parametrize("answer", [False, None])
def test_a_new_route_is_not_programmed_before_the_pods_say_so(answer: bool | None) -> None:
    status = binding_status(verdict(gateway(), binding()), programmed=answer, now=NOW)

    assert (condition(status, "Programmed")["status"], condition(status, "Programmed")["reason"]) == (
        "False",
        "Pending",
    )


@pytest.mark.parametrize("answer", [False, None])
def test_a_route_that_is_served_stays_programmed_while_others_change(answer: bool | None) -> None:
    first = binding_status(verdict(gateway(), binding()), programmed=True, now=NOW)

    again = binding_status(verdict(gateway(), binding(status=first)), programmed=answer, now="2026-06-01T00:00:00Z")

    assert again == first


def test_a_route_that_changed_itself_is_programmed_anew() -> None:
    first = binding_status(verdict(gateway(), binding()), programmed=True, now=NOW)
    body = binding_body(status=first)
    changed = {**body, "metadata": {**body["metadata"], "generation": 3}}

    status = binding_status(verdict(gateway(), AgentBinding.parse(changed)), programmed=False, now=NOW)

    assert condition(status, "Programmed")["status"] == "False"


def test_a_rejected_route_is_not_programmed_even_where_it_was() -> None:
    first = binding_status(verdict(gateway(), binding()), programmed=True, now=NOW)

    status = binding_status(verdict(None, binding(status=first)), programmed=True, now=NOW)

    assert condition(status, "Accepted")["reason"] == "GatewayNotFound"
    assert condition(status, "ResolvedRefs")["status"] == "False"
    assert condition(status, "Programmed")["reason"] == "NotAccepted"


def test_an_invalid_route_has_its_references_resolved() -> None:
    status = binding_status(verdict(gateway(), binding(spec={"sessionKey": "${x}"})), programmed=False, now=NOW)

    assert condition(status, "Accepted")["status"] == "False"
    assert condition(status, "ResolvedRefs")["status"] == "True"


def test_conflicted_names_the_winner_and_is_absent_otherwise() -> None:
    shadowed = binding_status(verdict(gateway({"bindings": INLINE}), binding(match=SLACK)), True, NOW)
    alone = binding_status(verdict(gateway(), binding(match=SLACK)), True, NOW)

    assert condition(shadowed, "Conflicted")["status"] == "True"
    assert "spec.bindings[0] of Gateway team-a/assistants" in condition(shadowed, "Conflicted")["message"]
    assert not condition(alone, "Conflicted")


def test_all_ready_pods_count_and_no_others() -> None:
    wanted = observation().desired
    assert wanted is not None
    pods = (pod_view("a"), pod_view("b"), pod_view("c", ready=False), pod_view("d", deleting=True))

    def answer(**served: str) -> bool | None:
        return programmed(observation(pods=pods, served=served))

    assert answer(a=wanted.config_hash, b=wanted.config_hash) is True
    assert answer(a=wanted.config_hash, b="old") is False
    assert answer(b="old") is False
    assert answer(a=wanted.config_hash) is None
    assert programmed(observation(pods=(pod_view(ready=False),))) is False


def test_a_binding_that_cannot_be_parsed_says_where() -> None:
    meta = ObjectMeta.parse(binding_body())

    status = invalid_binding_status(meta, {}, InvalidObject("spec.match.channel", "too long"), NOW)

    assert condition(status, "Accepted")["message"] == "spec.match.channel: too long"
    assert condition(status, "Programmed")["status"] == "False"
