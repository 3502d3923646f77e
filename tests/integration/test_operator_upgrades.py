"""A changed default image is rolled out to some Gateways at a time, and stops at the first that fails."""

import json
from collections.abc import Iterator

import pytest

from dev.kubectl import Kubectl
from tests.integration.operator_harness import Operator, Pods, condition, eventually, gateway

IMAGE = "tenantry.dev/gateway:next"
NAMES = ("a", "b", "c")
DOWN = ("d", "e")
"""Gateways whose pods never come up: they hold up nobody."""


@pytest.fixture
def upgraded(operator: Operator, installed: Kubectl, namespace: str, pods: Pods) -> Iterator[Operator]:
    """The operator, restarted with a new default image while three Gateways run, and two do not."""
    installed.apply(*(gateway(name, namespace, port=pods.port) for name in (*NAMES, *DOWN)))
    installed.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    for name in NAMES:
        pods.run(namespace, name)
    eventually(lambda: all(is_ready(installed, namespace, name) for name in NAMES) or None)
    options = operator.options
    restart(operator, (*options, "--gateway-image", IMAGE, "--max-rollouts", "2"))
    yield operator
    restart(operator, options)


def test_the_first_goes_alone_and_a_failure_stops_the_rest(
    upgraded: Operator, installed: Kubectl, namespace: str, pods: Pods
) -> None:
    first = eventually(lambda: only(with_new_image(installed, namespace)))
    eventually(lambda: waiting(installed, namespace) == set(NAMES) - {first} or None)
    assert is_ready(installed, namespace, min(waiting(installed, namespace)))

    fail(installed, namespace, first)
    eventually(lambda: upgraded.metric_of("tenantry_operator_rollouts", state="failed") == 1 or None)
    restart(upgraded, upgraded.options)
    upgraded.settled(len(NAMES))
    assert with_new_image(installed, namespace) == {first}

    pods.run(namespace, first)
    eventually(lambda: with_new_image(installed, namespace) == set(NAMES) or None)
    for name in sorted(set(NAMES) - {first}):
        pods.run(namespace, name)
    eventually(lambda: all(is_ready(installed, namespace, name) for name in NAMES) or None)
    assert waiting(installed, namespace) == set()


@pytest.mark.usefixtures("upgraded")
def test_a_waiting_gateway_can_be_given_the_image_by_hand(installed: Kubectl, namespace: str, pods: Pods) -> None:
    first = eventually(lambda: only(with_new_image(installed, namespace)))
    other = min(set(NAMES) - {first})

    installed.apply(gateway(other, namespace, port=pods.port, image={"tag": "next"}))

    eventually(lambda: with_new_image(installed, namespace) == {first, other} or None)


def restart(operator: Operator, options: tuple[str, ...]) -> None:
    operator.stop()
    operator.options = options
    operator.start()


def only(names: set[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def with_new_image(kubectl: Kubectl, namespace: str) -> set[str]:
    """Which of those that came up have it."""
    found = {
        live["metadata"]["labels"]["tenantry.dev/gateway"]
        for live in kubectl.items("deployments", namespace)
        if live["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE
    }
    return found & set(NAMES)


def waiting(kubectl: Kubectl, namespace: str) -> set[str]:
    return {
        live["metadata"]["name"]
        for live in kubectl.items("gateways.tenantry.dev", namespace)
        if (condition(live, "RolloutPending") or {}).get("status") == "True"
    }


def is_ready(kubectl: Kubectl, namespace: str, name: str) -> bool:
    live = kubectl.get("gateways.tenantry.dev", name, namespace)
    return (condition(live, "Ready") or {}).get("status") == "True"


def fail(kubectl: Kubectl, namespace: str, name: str) -> None:
    """What the kubelet says of an image that it cannot pull."""
    pod = eventually(lambda: next(iter(kubectl.items("pods", namespace, f"tenantry.dev/gateway={name}")), None))
    reason = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    container = {"name": "gateway", "image": IMAGE, "imageID": "", "ready": False, "restartCount": 0, "state": reason}
    patch = json.dumps({"status": {"phase": "Pending", "containerStatuses": [container]}})
    name = pod["metadata"]["name"]
    kubectl.run("-n", namespace, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)
