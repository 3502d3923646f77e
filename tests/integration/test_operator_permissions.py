"""The operator with less than the chart grants: the status says what is missing, and heals."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dev.kubectl import Kubectl
from tests.integration.operator_harness import Operator, condition, eventually, gateway

pytestmark = pytest.mark.usefixtures("operator")


@contextmanager
def without(kubectl: Kubectl, resource: str, *verbs: str) -> Iterator[None]:
    """Take verbs on a resource from the operator's ClusterRole while inside."""
    role = kubectl.get("clusterrole", "tenantry-operator", "default")
    rules = [rule for each in role["rules"] for rule in reduced(each, resource, set(verbs))]
    patch(kubectl, rules)
    try:
        yield
    finally:
        patch(kubectl, role["rules"])


def reduced(rule: dict[str, Any], resource: str, verbs: set[str]) -> list[dict[str, Any]]:
    """A rule without some verbs on one of its resources."""
    if resource not in rule["resources"]:
        return [rule]
    others = [each for each in rule["resources"] if each != resource]
    left = [each for each in rule["verbs"] if each not in verbs]
    parts = [{**rule, "resources": others}] if others else []
    return [*parts, {**rule, "resources": [resource], "verbs": left}] if left else parts


def patch(kubectl: Kubectl, rules: list[dict[str, Any]]) -> None:
    kubectl.run("patch", "clusterrole", "tenantry-operator", "--type=merge", "-p", json.dumps({"rules": rules}))


@pytest.mark.parametrize(
    ("resource", "verb", "permission"),
    [
        ("services", "create", "create services"),
        ("deployments", "patch", "patch deployments.apps"),
        ("secrets", "create", "create secrets"),
        ("secrets", "get", "get secrets"),
    ],
)
def test_a_missing_permission_is_named_in_the_status_and_heals_when_it_is_granted(
    kubectl: Kubectl, namespace: str, resource: str, verb: str, permission: str
) -> None:
    with without(kubectl, resource, verb):
        kubectl.apply(gateway("a", namespace))
        ready = eventually(
            lambda: (
                found
                if (found := condition(kubectl.get("tgw", "a", namespace), "Ready"))
                and found["reason"] == "PermissionDenied"
                else None
            )
        )
        assert f"may not {permission}" in ready["message"]
        assert namespace in ready["message"]

    eventually(lambda: condition(kubectl.get("tgw", "a", namespace), "Stalled") is None or None, seconds=90)
    assert kubectl.get("deployment", "a-gateway", namespace)


def test_a_kind_that_cannot_be_watched_is_named_and_nothing_is_decided_blindly(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    operator.stop()
    try:
        with without(kubectl, "configmaps", "list", "watch"):
            operator.start()
            kubectl.apply(gateway("a", namespace))
            stalled = eventually(lambda: condition(kubectl.get("tgw", "a", namespace), "Stalled"))
            assert "may not list configmaps" in stalled["message"]
            assert kubectl.items("deployments", namespace) == []
        eventually(lambda: condition(kubectl.get("tgw", "a", namespace), "Stalled") is None or None, seconds=90)
    finally:
        operator.stop()
        operator.start()


def test_a_quota_that_refuses_an_object_is_told_in_the_servers_words(kubectl: Kubectl, namespace: str) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    kubectl.run("-n", namespace, "create", "quota", "none", "--hard=services=0")

    kubectl.apply(gateway("a", namespace))

    def refused() -> str | None:
        found = condition(kubectl.get("tgw", "a", namespace), "Reconciling")
        return found["message"] if found and found["reason"] == "ApplyFailed" else None

    assert "exceeded quota: none" in eventually(refused)


def test_the_role_grants_nothing_that_replaces_secrets_or_changes_custom_resources(kubectl: Kubectl) -> None:
    rules = kubectl.get("clusterrole", "tenantry-operator", "default")["rules"]

    granted = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}

    assert not granted & {("secrets", "update"), ("gateways", "patch"), ("gateways", "update")}
    assert not {verb for _, verb in granted} & {"*", "deletecollection", "escalate", "bind", "impersonate"}
