from typing import Any

import pytest

from tenantry_operator.api.v1alpha1.common import ObjectMeta
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.agent_binding import judge
from tenantry_operator.conditions.gateway import gateway_status, invalid_gateway_status
from tenantry_operator.conditions.observation import PodView, Problem, SecretKeys
from tenantry_operator.errors import InvalidObject
from tests.unit.tenantry_operator.objects import (
    NOW,
    binding,
    condition,
    deployment_view,
    gateway,
    gateway_body,
    observation,
    pod_view,
)

LATER = "2026-06-01T12:00:00Z"
MISSING = {"anthropic": SecretKeys("anthropic", None)}


def test_a_gateway_with_which_all_is_well_is_ready_and_says_where() -> None:
    seen = observation()

    status = gateway_status(seen, NOW)

    assert seen.desired is not None
    assert {key: value for key, value in status.items() if key != "conditions"} == {
        "observedGeneration": 3,
        "endpoint": "http://assistants-gateway.team-a.svc:18789",
        "selector": "app.kubernetes.io/name=tenantry-gateway,tenantry.dev/gateway=assistants",
        "configHash": seen.desired.config_hash,
        "version": "tenantry.dev/gateway:dev",
        "replicas": 1,
        "readyReplicas": 1,
        "agents": 1,
        "bindings": 0,
        "tokenSecretName": "assistants-token",
        "volumeSize": "1Gi",
    }
    assert [(one["type"], one["status"]) for one in status["conditions"]] == [
        ("Ready", "True"),
        ("ConfigValid", "True"),
        ("SecretsAvailable", "True"),
        ("StorageReady", "True"),
        ("DeploymentAvailable", "True"),
        ("BindingsAccepted", "True"),
        ("NetworkPolicyReady", "True"),
    ]
    assert {one["observedGeneration"] for one in status["conditions"]} == {3}


def test_the_same_observation_later_gives_the_same_status() -> None:
    first = gateway_status(observation(), NOW)
    again = gateway_status(observation(gateway(status=first)), LATER)

    assert again == first


def test_ready_is_set_from_the_first_write_on() -> None:
    status = gateway_status(observation(deployment=None, pods=(), served={}, secrets={}), NOW)

    assert condition(status, "Ready")["status"] == "False"
    assert condition(status, "Reconciling")["status"] == "True"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"problem": Problem("NameConflict", "m"), "secrets": MISSING, "deployment": None}, "NameConflict"),
        ({"secrets": MISSING, "deployment": None}, "SecretMissing"),
        ({"deployment": None}, "DeploymentMissing"),
        ({"deployment": None, "problem": Problem("ApplyFailed", "m")}, "ApplyFailed"),
    ],
)
def test_ready_names_what_a_user_must_fix_first(more: dict[str, Any], reason: str) -> None:
    secrets = {"assistants-token": SecretKeys("assistants-token", frozenset({"token"}))}
    if "secrets" in more:
        more = {**more, "secrets": {**secrets, **more["secrets"]}}

    ready = condition(gateway_status(observation(**more), NOW), "Ready")

    assert (ready["status"], ready["reason"]) == ("False", reason)


@pytest.mark.parametrize("reason", ["NameConflict", "InvalidSpec", "ConfigTooLarge", "PermissionDenied"])
def test_what_only_a_person_can_mend_is_stalled_and_not_reconciling(reason: str) -> None:
    status = gateway_status(observation(problem=Problem(reason, "why")), NOW)

    stalled = condition(status, "Stalled")
    assert (stalled["status"], stalled["reason"], stalled["message"]) == ("True", reason, "why")
    assert not condition(status, "Reconciling")


def test_what_heals_by_itself_is_reconciling_and_not_stalled() -> None:
    status = gateway_status(observation(secrets={**observation().secrets, **MISSING}), NOW)

    assert condition(status, "Reconciling")["reason"] == "SecretMissing"
    assert not condition(status, "Stalled")


def test_a_rollout_past_its_deadline_is_stalled() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}

    status = gateway_status(observation(deployment=deployment_view(ready=0, conditions=[late])), NOW)

    assert condition(status, "Stalled")["reason"] == "ProgressDeadlineExceeded"


def test_a_passing_problem_of_the_operator_leaves_a_running_gateway_ready() -> None:
    status = gateway_status(observation(problem=Problem("ApplyFailed", "500")), NOW)

    assert condition(status, "Ready")["status"] == "True"
    assert condition(status, "Reconciling")["reason"] == "ApplyFailed"


def test_a_configuration_that_is_on_its_way_is_reconciling_while_ready() -> None:
    status = gateway_status(observation(served={"assistants-gateway-1": "old"}), NOW)

    assert condition(status, "Ready")["status"] == "True"
    assert condition(status, "Reconciling")["reason"] == "ConfigPending"
    assert "assistants-gateway-1" in condition(status, "Reconciling")["message"]


def test_pods_that_were_not_asked_change_nothing_so_that_a_restarted_operator_writes_nothing() -> None:
    first = gateway_status(observation(), NOW)

    assert gateway_status(observation(gateway(status=first), served={}), LATER) == first


def test_a_configuration_that_cannot_be_rendered_keeps_what_is_true_of_the_running_gateway() -> None:
    first = gateway_status(observation(), NOW)
    broken = observation(gateway(status=first), desired=None, problem=Problem("InvalidSpec", "spec.x: bad"))

    status = gateway_status(broken, LATER)

    assert status["configHash"] == first["configHash"]
    assert status["version"] == first["version"]
    assert condition(status, "ConfigValid")["message"] == "spec.x: bad"
    assert condition(status, "ConfigValid")["status"] == "False"


def test_several_agents_without_a_default_are_valid_and_the_status_says_what_it_means() -> None:
    subject = gateway({"agents": {"a": {"model": "m"}, "b": {"model": "m"}}})

    valid = condition(gateway_status(observation(subject), NOW), "ConfigValid")

    assert (valid["status"], valid["reason"]) == ("True", "NoDefaultAgent")
    assert "set spec.defaultAgent" in valid["message"]


def test_rejected_bindings_are_named_and_do_not_touch_ready() -> None:
    subject = gateway()
    verdicts = judge(subject, [binding("good"), binding("bad", agent="nobody")])

    status = gateway_status(observation(subject, verdicts=verdicts), NOW)

    accepted = condition(status, "BindingsAccepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "BindingsRejected")
    assert "team-a/bad (AgentNotFound)" in accepted["message"]
    assert "team-a/good" not in accepted["message"]
    assert status["bindings"] == 1
    assert condition(status, "Ready")["status"] == "True"


def test_inline_bindings_and_accepted_ones_are_counted_together() -> None:
    subject = gateway({"bindings": [{"channel": "*", "agentId": "main"}]})
    verdicts = judge(subject, [binding("good")])

    assert gateway_status(observation(subject, verdicts=verdicts), NOW)["bindings"] == 2


def test_an_inline_binding_that_never_applies_is_named() -> None:
    same = {"channel": "slack", "agentId": "main"}
    subject = gateway({"bindings": [same, same]})

    accepted = condition(gateway_status(observation(subject), NOW), "BindingsAccepted")

    assert accepted["status"] == "True"
    assert "spec.bindings[1] (by bindings[0])" in accepted["message"]


def test_a_gateway_that_cannot_be_parsed_is_stalled_and_keeps_the_rest_of_its_status() -> None:
    body = gateway_body({"port": 1}, status={"agents": 2, "conditions": []})
    with pytest.raises(InvalidObject) as refused:
        Gateway.parse(body)

    status = invalid_gateway_status(ObjectMeta.parse(body), body["status"], refused.value, NOW)

    assert status["agents"] == 2
    assert status["observedGeneration"] == 3
    for kind in ("Ready", "Stalled", "ConfigValid"):
        assert condition(status, kind)["reason"] == "InvalidSpec"
        assert "spec.port" in condition(status, kind)["message"]


@pytest.mark.parametrize("pods", [(), (pod_view(deleting=True),)])
def test_a_suspended_gateway_is_reconciling_until_its_last_pod_has_gone(pods: tuple[PodView, ...]) -> None:
    none = deployment_view(ready=0, wanted=0, replicas=0, updated=0)
    seen = observation(gateway({"suspended": True}), deployment=none, pods=pods, served={})

    status = gateway_status(seen, NOW)

    assert condition(status, "Ready")["reason"] == "Suspended"
    assert bool(condition(status, "Reconciling")) == bool(pods)
    assert not condition(status, "Stalled")
