import json
import sys
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tenantry_cli.commands import status as command
from tenantry_cli.commands.status import Seen, as_json, assess, print_report
from tenantry_cli.kubectl import Kubectl

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LEASE = {"spec": {"holderIdentity": "op-1", "renewTime": "2026-05-01T11:59:58.000000Z", "leaseDurationSeconds": 15}}
FIX = "kubectl -n team-a create secret generic anthropic --from-literal=api-key=VALUE"


def condition(kind: str, status: str, reason: str, message: str = "All is well.") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def gateway(
    *conditions: dict[str, Any], name: str = "assistants", generation: int = 1, **status: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "team-a", "generation": generation},
        "spec": {"agents": {"main": {}}},
        "status": {
            "observedGeneration": 1,
            "conditions": list(conditions),
            "replicas": 1,
            "readyReplicas": 1,
            "bindings": 0,
            "endpoint": "http://x",
            **status,
        },
    }


READY = condition("Ready", "True", "Available")


def binding(*conditions: dict[str, Any], gateway_name: str = "assistants") -> dict[str, Any]:
    return {
        "metadata": {"name": "pager", "namespace": "team-a"},
        "spec": {"gatewayRef": {"name": gateway_name}},
        "status": {"conditions": list(conditions)},
    }


def pod(waiting: dict[str, str], ended: dict[str, Any] | None = None) -> dict[str, Any]:
    status = {"name": "gateway", "state": {"waiting": waiting}, "lastState": {"terminated": ended} if ended else {}}
    labels = {"tenantry.dev/gateway": "assistants"}
    return {
        "metadata": {"name": "assistants-1", "namespace": "team-a", "labels": labels},
        "status": {"containerStatuses": [status]},
    }


def troubles(seen: Seen) -> list[tuple[str, str, str]]:
    report = assess(seen, None, "tenantry-system", NOW)
    return [
        (one.what, one.message, one.next)
        for one in (*(trouble for tenant in report.tenants for trouble in tenant.troubles), *report.elsewhere)
    ]


def seen(gateways: list[dict[str, Any]], **more: Any) -> Seen:
    return Seen(**{"gateways": gateways, "lease": LEASE, "lease_known": True, **more})


def test_a_gateway_that_is_well_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    report = assess(seen([gateway(READY)]), None, "tenantry-system", NOW)

    print_report(report, Kubectl(), everywhere=False)

    assert report.well
    assert capsys.readouterr().out == "team-a/assistants  Ready      1/1 pods, 1 agent, 0 bindings, http://x\n"


def test_a_cause_is_told_once_with_the_command_that_its_message_carries() -> None:
    message = f"Secret team-a/anthropic does not exist. Fix: {FIX}"
    bad = [condition(kind, "False", "SecretMissing", message) for kind in ("Ready", "SecretsAvailable")]

    assert troubles(seen([gateway(*bad, condition("Stalled", "True", "SecretMissing", message))])) == [
        ("SecretsAvailable: SecretMissing", "Secret team-a/anthropic does not exist.", FIX)
    ]


def test_a_message_without_a_remedy_gets_the_command_that_shows_more() -> None:
    found = troubles(seen([gateway(condition("Ready", "False", "Odd", "Hm."))]))

    assert found == [("Ready: Odd", "Hm.", "kubectl -n team-a describe tgw assistants")]


@pytest.mark.parametrize(
    "conditions",
    [
        [condition("Ready", "False", "Suspended"), condition("DeploymentAvailable", "False", "Suspended")],
        [READY, condition("TokenRotated", "False", "RotationStaged")],
        [READY, condition("IngressReady", "Unknown", "AddressPending")],
    ],
)
def test_what_is_meant_to_be_so_is_no_trouble(conditions: list[dict[str, Any]]) -> None:
    assert assess(seen([gateway(*conditions)]), None, "tenantry-system", NOW).well


def test_a_crashing_container_tells_how_it_ended_and_where_its_log_is() -> None:
    crashing = pod({"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}, {"exitCode": 137, "reason": "OOMKilled"})

    assert troubles(seen([gateway(READY)], pods=[crashing])) == [
        (
            "pod assistants-1: CrashLoopBackOff",
            "back-off 5m0s It ended last with code 137 (OOMKilled).",
            "kubectl -n team-a logs assistants-1 -c gateway --previous",
        )
    ]


def test_an_image_that_cannot_be_pulled_is_told_and_a_container_that_starts_is_not() -> None:
    pulling = pod({"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'})

    assert troubles(seen([gateway(READY)], pods=[pulling]))[0][2] == "kubectl -n team-a describe pod assistants-1"
    assert troubles(seen([gateway(READY)], pods=[pod({"reason": "ContainerCreating"})])) == []


def test_bindings_are_told_below_their_gateway_or_by_themselves_where_it_is_not_in_sight() -> None:
    shadowed = binding(
        condition("Accepted", "True", "Accepted"),
        condition("Programmed", "False", "Pending", "Not yet. See: kubectl x"),
        condition("Conflicted", "True", "Shadowed", "AgentBinding team-a/b comes first. Fix: delete one of them."),
    )
    lost = binding(condition("Accepted", "False", "GatewayNotFound", "There is none."), gateway_name="other")

    report = assess(seen([gateway(READY)], bindings=[shadowed, lost]), None, "tenantry-system", NOW)

    assert [one.what for one in report.tenants[0].troubles] == ["AgentBinding pager: Shadowed"]
    assert [one.what for one in report.elsewhere] == ["AgentBinding pager: GatewayNotFound"]
    assert not report.well


def test_a_binding_without_a_status_is_no_trouble_while_its_gateway_starts() -> None:
    starts = gateway(condition("Ready", "False", "Starting"), condition("Reconciling", "True", "Starting"))

    assert "AgentBinding pager" in [what for what, _, _ in troubles(seen([gateway(READY)], bindings=[binding()]))]
    assert "AgentBinding pager" not in [what for what, _, _ in troubles(seen([starts], bindings=[binding()]))]


def test_a_status_that_is_older_than_the_gateway_is_told() -> None:
    assert [one[0] for one in troubles(seen([gateway(READY, generation=2)]))] == ["old status"]
    fresh = gateway(READY)
    del fresh["status"]
    assert [one[0] for one in troubles(seen([fresh]))] == ["no status"]


@pytest.mark.parametrize(
    ("lease", "message"),
    [
        ({"spec": {"holderIdentity": ""}}, "nobody holds the Lease"),
        ({"spec": {**LEASE["spec"], "renewTime": "2026-05-01T11:30:00.000000Z"}}, "last sign of life 30 min ago"),
    ],
)
def test_an_operator_that_does_not_act_is_told(lease: dict[str, Any], message: str) -> None:
    assert message in troubles(seen([gateway(READY)], lease=lease))[0][1]


def test_a_missing_lease_is_a_note_where_somebody_writes_statuses_and_a_trouble_where_nobody_does() -> None:
    fresh = gateway(READY)
    del fresh["status"]

    assert assess(seen([gateway(READY)], lease=None), None, "tenantry-system", NOW).well
    assert "operator" in [one[0] for one in troubles(seen([fresh], lease=None))]


def test_the_json_has_what_a_script_asks_for() -> None:
    report = assess(seen([gateway(condition("Ready", "False", "Odd", "Hm."))]), None, "tenantry-system", NOW)

    found = json.loads(json.dumps(as_json(report)))

    assert (found["ok"], found["gateways"][0]["reason"]) == (False, "Odd")
    assert found["gateways"][0]["troubles"][0]["next"] == "kubectl -n team-a describe tgw assistants"


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_commands_are_never_broken_and_no_colour_means_none(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    message = f"Secret team-a/anthropic does not exist, {'really, ' * 20}. Fix: {FIX}"
    out = Console(file=StringIO(), force_terminal=True, width=width, no_color=True, highlight=False, markup=False)
    monkeypatch.setattr(command, "console", lambda: out)

    report = assess(seen([gateway(condition("Ready", "False", "X", message))]), None, "tenantry-system", NOW)
    print_report(report, Kubectl(), everywhere=False)

    assert isinstance(out.file, StringIO)
    text = out.file.getvalue()
    assert f"next: {FIX}\n" in text.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert "\x1b[3" not in text, "no colour"


def test_text_of_others_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = condition("Ready", "False", "Odd", "\x1b[2J\x07gone [bold]markup[/bold]")

    print_report(assess(seen([gateway(evil)]), None, "tenantry-system", NOW), Kubectl(), everywhere=False)

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2J\\x07gone [bold]markup[/bold]" in out
    assert not sys.stdout.isatty()
