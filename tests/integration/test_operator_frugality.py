"""How much the operator writes until a tenant is Ready: what it would say otherwise in a moment it does not say."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tests.integration.operator_harness import Operator, Pods, binding, condition, eventually, gateway

BINDINGS = ("first", "second", "third")
PATIENCE = 600
"""Seconds: more than any test takes. What is written before is written for good."""


@pytest.fixture
def patient(operator: Operator, control_plane: ControlPlane, account: Path, tmp_path: Path) -> Iterator[Operator]:
    """An operator that lets things settle, in the place of the one that tells every step; it is not started yet."""
    operator.stop()
    options = ("--settle-seconds", str(PATIENCE))
    running = Operator(control_plane, account, tmp_path / "operator.log", options, name="patient")
    yield running
    running.stop()
    operator.start()


def test_until_ready_each_object_is_written_once_the_status_twice_and_that_of_a_binding_once(
    patient: Operator, namespace: str, pods: Pods, kubectl: Kubectl
) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    kubectl.apply(gateway("assistants", namespace, port=pods.port))
    kubectl.apply(*(binding(name, namespace, "assistants", f"{name}-channel") for name in BINDINGS))
    patient.start()
    first_word = eventually(lambda: condition(kubectl.get("tgw", "assistants", namespace), "Reconciling"))
    pods.config_hash = kubectl.get("tgw", "assistants", namespace)["status"]["configHash"]
    pods.run(namespace, "assistants")
    make_available(kubectl, namespace)
    eventually(lambda: is_true(kubectl, "tgw", "assistants", namespace, "Ready"))
    for name in BINDINGS:
        eventually(partial(is_true, kubectl, "tab", name, namespace, "Programmed"))
    patient.rests()

    assert first_word["status"] == "True"
    written = Counter(patient.writes(namespace))
    assert written.pop("patch gateways/status assistants") == 2
    assert sum(times for what, times in written.items() if what.startswith("patch pods/")) <= 1
    assert {what for what, times in written.items() if times > 1 and not what.startswith("create events/")} == set()
    assert {what for what in written if "agentbindings" in what} == {
        f"patch agentbindings/status {name}" for name in BINDINGS
    }


def test_where_many_start_at_once_their_objects_come_before_what_is_said_of_any(
    patient: Operator, namespace: str, kubectl: Kubectl
) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    tenants = [f"team-{number}" for number in range(8)]
    kubectl.apply(*(gateway(name, namespace) for name in tenants))
    patient.options = (*patient.options, "--workers", "1")
    patient.start()
    for name in tenants:
        eventually(partial(is_moving, kubectl, name, namespace))

    written = patient.writes(namespace)
    first_word = next(at for at, what in enumerate(written) if "gateways/status" in what)
    objects = [at for at, what in enumerate(written) if what.startswith("patch deployments/")]
    assert len(objects) == len(tenants)
    assert sum(at < first_word for at in objects) >= len(tenants) - 2, "all but those that nobody waits behind"


def test_a_binding_that_is_not_accepted_is_told_at_once(patient: Operator, namespace: str, kubectl: Kubectl) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    kubectl.apply(
        gateway("assistants", namespace),
        binding("lost", namespace, "assistants", "slack", agent="nobody"),
        binding("well", namespace, "assistants", "slack"),
    )
    patient.start()

    eventually(lambda: (condition(kubectl.get("tab", "lost", namespace), "Accepted") or {}).get("status") == "False")
    patient.rests()
    told = kubectl.get("tab", "well", namespace).get("status", {}).get("conditions")
    assert not told, "it waits for the pods"


def make_available(kubectl: Kubectl, namespace: str) -> None:
    """Wait for the Deployment's controller to see the pod."""
    eventually(
        lambda: kubectl.get("deployment", "assistants-gateway", namespace).get("status", {}).get("availableReplicas")
    )


def is_moving(kubectl: Kubectl, name: str, namespace: str) -> bool:
    return condition(kubectl.get("tgw", name, namespace), "Reconciling") is not None


def is_true(kubectl: Kubectl, kind: str, name: str, namespace: str, what: str) -> bool:
    return (condition(kubectl.get(kind, name, namespace), what) or {}).get("status") == "True"
