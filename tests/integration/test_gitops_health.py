"""What Argo CD and kstatus say of Gateways and AgentBindings, by their own code."""

from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.kubectl import Kubectl
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.agent_binding import binding_status
from tenantry_operator.conditions.gateway import gateway_status
from tenantry_operator.conditions.observation import Observation
from tests.integration.gitops_harness import SAME, Health, health
from tests.integration.operator_harness import Manifest, Operator, Pods, binding, eventually, gateway
from tests.unit.tenantry_operator.objects import NOW
from tests.unit.tenantry_operator.observations import observations

HEALTHY, PROGRESSING, DEGRADED = (Health(argo, kstatus, "") for argo, kstatus in SAME.items())
SUSPENDED_GATEWAY = Health("Suspended", "InProgress", "")
"""kstatus has no word for it; it takes what is not ready for what is on its way."""
SUSPENDED_BINDING = Health("Suspended", "Current", "")


def of(kubectl: Kubectl, kind: str, name: str, namespace: str) -> Health:
    """What is said of an object, without the message."""
    [found] = health(kubectl.get(kind, name, namespace))
    return Health(found.argocd, found.kstatus, "")


def becomes(kubectl: Kubectl, kind: str, name: str, namespace: str, wanted: Health, reason: str = "") -> None:
    """Wait for what is said of an object, for a reason that the message begins with."""

    def said() -> bool:
        [found] = health(kubectl.get(kind, name, namespace))
        return (found.argocd, found.kstatus) == (wanted.argocd, wanted.kstatus) and found.message.startswith(reason)

    eventually(said)


@pytest.mark.usefixtures("installed")
def test_what_no_operator_has_looked_at_is_progressing(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    operator.stop()
    try:
        kubectl.apply(gateway("a", namespace), binding("b", namespace, "a", "slack"))
        assert of(kubectl, "tgw", "a", namespace) == PROGRESSING
        assert of(kubectl, "tab", "b", namespace) == PROGRESSING
    finally:
        operator.start()
    becomes(kubectl, "tab", "b", namespace, PROGRESSING, "NoReadyPods")


@pytest.mark.usefixtures("operator")
def test_a_tenant_goes_from_progressing_to_healthy_to_suspended_and_back(
    kubectl: Kubectl, namespace: str, pods: Pods
) -> None:
    kubectl.apply(gateway("a", namespace, port=pods.port), binding("b", namespace, "a", "slack"))
    becomes(kubectl, "tgw", "a", namespace, PROGRESSING, "SecretMissing")
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    becomes(kubectl, "tgw", "a", namespace, PROGRESSING, "DeploymentProgressing")
    becomes(kubectl, "tab", "b", namespace, PROGRESSING, "NoReadyPods")

    pods.config_hash = "of an earlier configuration"
    pods.run(namespace, "a")
    becomes(kubectl, "tgw", "a", namespace, PROGRESSING, "ConfigPending")
    becomes(kubectl, "tab", "b", namespace, PROGRESSING, "Pending")
    pods.config_hash = kubectl.get("tgw", "a", namespace)["status"]["configHash"]
    becomes(kubectl, "tgw", "a", namespace, HEALTHY, "Available")
    becomes(kubectl, "tab", "b", namespace, HEALTHY, "Programmed")
    kubectl.wait("condition=Ready", "tgw/a", namespace, 5)
    kubectl.wait("condition=Accepted", "tab/b", namespace, 5)
    kubectl.wait("condition=Programmed", "tab/b", namespace, 5)

    kubectl.apply(gateway("a", namespace, port=pods.port, suspended=True))
    becomes(kubectl, "tgw", "a", namespace, SUSPENDED_GATEWAY, "Suspended")
    becomes(kubectl, "tab", "b", namespace, SUSPENDED_BINDING, "GatewaySuspended")


@pytest.mark.usefixtures("operator")
def test_what_somebody_must_mend_is_degraded(kubectl: Kubectl, namespace: str) -> None:
    kubectl.run("-n", namespace, "create", "configmap", "a-gateway")
    kubectl.apply(gateway("a", namespace), binding("lost", namespace, "absent", "slack"))
    becomes(kubectl, "tgw", "a", namespace, DEGRADED, "NameConflict")
    becomes(kubectl, "tab", "lost", namespace, DEGRADED, "GatewayNotFound")


@pytest.mark.usefixtures("operator")
def test_a_binding_that_never_takes_a_message_is_degraded_and_the_one_before_it_is_not(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(gateway("a", namespace), binding("first", namespace, "a", "slack"))
    becomes(kubectl, "tab", "first", namespace, PROGRESSING)
    kubectl.apply(binding("second", namespace, "a", "slack"), binding("odd", namespace, "a", "api", agent="nobody"))
    becomes(kubectl, "tab", "odd", namespace, DEGRADED, "AgentNotFound")

    def one_is_shadowed() -> bool:
        found = [of(kubectl, "tab", name, namespace) for name in ("first", "second")]
        return sorted(each.argocd for each in found) == ["Degraded", "Progressing"]

    eventually(one_is_shadowed)


def test_a_change_that_the_operator_has_not_seen_and_a_deletion_are_on_their_way() -> None:
    seen = with_status(gateway("a", "x"), {"observedGeneration": 1, "conditions": [ready()]})
    unseen = {**seen, "metadata": {**seen["metadata"], "generation": 2}}
    leaving = {**seen, "metadata": {**seen["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}

    before, after, deleted = health(seen, unseen, leaving)

    assert (before.argocd, before.kstatus) == ("Healthy", "Current")
    assert (after.argocd, after.kstatus) == ("Progressing", "InProgress")
    assert (deleted.argocd, deleted.kstatus) == ("Progressing", "Terminating")


def test_argo_cd_and_kstatus_agree_on_every_status_that_the_operator_can_write() -> None:
    objects = whatever_was_seen()
    found = health(*objects)

    for subject, said in zip(objects, found, strict=True):
        if said.argocd == "Suspended":
            assert said.kstatus == ("InProgress" if subject["kind"] == "Gateway" else "Current")
        else:
            assert said.kstatus == SAME[said.argocd], (asdict(said), subject["status"])
    assert {said.argocd for said in found} == {*SAME, "Suspended"}


@pytest.mark.parametrize("reason", sorted(reasons.STALLED))
def test_a_reason_that_waits_for_somebody_is_degraded(reason: str) -> None:
    conditions = [ready("False", reason), {**ready("True", reason), "type": "Stalled"}]
    [found] = health(with_status(gateway("a", "x"), {"observedGeneration": 1, "conditions": conditions}))
    assert (found.argocd, found.kstatus) == ("Degraded", "Failed")


def whatever_was_seen() -> list[Manifest]:
    """Gateways and AgentBindings with the statuses that follow from anything that can be seen of them."""
    objects: list[Manifest] = []

    @settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(observations(), st.sampled_from(["all", "none", "no pods"]))
    def collect(seen: Observation, serving: str) -> None:
        objects.append(with_status(gateway("a", "x"), gateway_status(seen, NOW)))
        served = frozenset(verdict.binding.route_id for verdict in seen.verdicts if serving == "all")
        for verdict in seen.verdicts:
            status = binding_status(verdict, None if serving == "no pods" else served, NOW)
            objects.append(with_status(binding("b", "x", "a", "slack"), status))

    collect()
    return objects


def with_status(manifest: Manifest, status: Manifest) -> Manifest:
    meta = {**manifest["metadata"], "generation": status["observedGeneration"]}
    return {**manifest, "metadata": meta, "status": status}


def ready(status: str = "True", reason: str = "Available") -> Manifest:
    return {"type": "Ready", "status": status, "reason": reason, "message": "x"}
