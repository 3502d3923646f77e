"""The operator for some namespaces only, with a Role in each of them (``scope.namespaces``) and no ClusterRole."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev import charts
from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tests.integration.operator_harness import (
    Manifest,
    Operator,
    binding,
    condition,
    eventually,
    gateway,
    kubeconfig_of,
)
from tests.integration.test_operator_permissions import reduced

HEALED = 90.0
"""Seconds: a namespace that could not be read is tried again after half a minute, by kopf after three quarters."""


@dataclass
class Scoped:
    """An operator that looks at the namespaces ``a``, ``b`` and ``late``; the last one does not exist yet."""

    kubectl: Kubectl
    operator: Operator
    name: str
    since: int

    @property
    def system(self) -> str:
        return f"{self.name}-system"

    def namespace(self, name: str) -> str:
        return f"{self.name}-{name}"

    @property
    def scope(self) -> list[str]:
        return [self.namespace(each) for each in ("a", "b", "late")]

    def rendered(self) -> list[Manifest]:
        """What the chart makes for this scope, without the operator itself."""
        values = {"scope": {"namespaces": self.scope}, "roles": {"create": False}}
        return [one for one in charts.render(charts.OPERATOR, values, self.system) if one["kind"] != "Deployment"]

    def grant(self, namespace: str) -> None:
        """What the chart puts into a namespace."""
        self.kubectl.apply(*(one for one in self.rendered() if one["metadata"].get("namespace") == namespace))

    def requests(self) -> list[Manifest]:
        """The audit events of everything that it asked about objects."""
        user = f"system:serviceaccount:{self.system}:tenantry-operator"
        events = self.operator.control_plane.audit_events()[self.since :]
        return [event for event in events if event["user"]["username"] == user and "objectRef" in event]

    def served(self, name: str, namespace: str, seconds: float = 30.0) -> None:
        """Wait until a Gateway has its objects and a status."""
        eventually(lambda: self.kubectl.get("deployment", f"{name}-gateway", self.namespace(namespace)), seconds)
        eventually(
            lambda: condition(self.kubectl.get("tgw", name, self.namespace(namespace)), "Ready") is not None or None
        )


@pytest.fixture
def scoped(
    operator: Operator,
    control_plane: ControlPlane,
    installed: Kubectl,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Scoped]:
    """The shared operator rests meanwhile."""
    operator.stop()
    name = "scope-" + re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_"))[:20].strip("-")
    found = Scoped(installed, operator, name, operator.audited())
    for each in ("a", "b", "outside", "system"):
        installed.run("create", "namespace", found.namespace(each))
    for each in ("system", "a", "b"):
        found.grant(found.namespace(each))
    namespaces = ",".join(found.scope)
    kubeconfig = kubeconfig_of(installed, control_plane, found.system, tmp_path / "kubeconfig")
    options = ("--namespaces", namespaces, "--namespace", found.system)
    found.operator = Operator(control_plane, kubeconfig, tmp_path / "operator.log", options).start()
    try:
        yield found
    finally:
        found.operator.stop()
        for each in ("a", "b", "outside"):
            installed.run(
                "-n", found.namespace(each), "delete", "gateways.tenantry.dev,agentbindings.tenantry.dev", "--all"
            )
        operator.start()


def test_only_the_namespaces_of_the_scope_are_looked_at_and_touched(scoped: Scoped) -> None:
    for each in ("outside", "a", "b"):
        scoped.kubectl.apply(gateway("x", scoped.namespace(each)))
    for each in ("a", "b"):
        scoped.served("x", each)
    scoped.kubectl.run("-n", scoped.namespace("a"), "delete", "deployment", "x-gateway")
    scoped.served("x", "a")

    assert "conditions" not in scoped.kubectl.get("tgw", "x", scoped.namespace("outside"))["status"]
    assert scoped.kubectl.items("deployments", scoped.namespace("outside")) == []
    inside = {scoped.namespace(each) for each in ("a", "b", "late", "system")}
    assert {event["objectRef"].get("namespace", "") for event in scoped.requests()} <= inside
    refused = [event for event in scoped.requests() if event["responseStatus"]["code"] == 403]
    assert {event["objectRef"]["namespace"] for event in refused} <= {scoped.namespace("late")}


def test_a_namespace_that_comes_later_is_taken_up_when_it_has_the_role(scoped: Scoped) -> None:
    late = scoped.namespace("late")
    scoped.kubectl.run("create", "namespace", late)
    scoped.kubectl.apply(gateway("x", late))
    scoped.grant(late)

    scoped.served("x", "late", HEALED)
    # Not only what was there is seen, but also what comes.
    scoped.kubectl.apply(gateway("then", late))
    scoped.served("then", "late", HEALED)


def test_a_namespace_that_may_no_longer_be_read_does_not_blind_the_operator_to_others(scoped: Scoped) -> None:
    a, b = scoped.namespace("a"), scoped.namespace("b")
    scoped.kubectl.apply(gateway("x", a))
    scoped.served("x", "a")
    role = scoped.kubectl.get("role", "tenantry-operator", a)
    rules = [rule for each in role["rules"] for rule in reduced(each, "configmaps", {"list", "watch"})]
    scoped.operator.stop()
    scoped.kubectl.run(
        "-n", a, "patch", "role", "tenantry-operator", "--type=merge", "-p", json.dumps({"rules": rules})
    )

    scoped.operator.start()
    scoped.kubectl.apply(gateway("x", b))
    scoped.served("x", "b")
    stalled = eventually(lambda: condition(scoped.kubectl.get("tgw", "x", a), "Stalled"))
    assert "may not list configmaps: configmaps is forbidden" in stalled["message"]
    assert f'in the namespace "{a}"' in stalled["message"]

    scoped.grant(a)
    eventually(lambda: condition(scoped.kubectl.get("tgw", "x", a), "Stalled") is None or None, HEALED)


def test_a_gateway_outside_the_scope_is_to_a_binding_like_one_that_does_not_exist(scoped: Scoped) -> None:
    outside = scoped.namespace("outside")
    scoped.kubectl.apply(gateway("x", outside))
    elsewhere, missing = (binding(name, scoped.namespace("a"), "x", "slack") for name in ("elsewhere", "missing"))
    elsewhere["spec"]["gatewayRef"]["namespace"] = outside
    scoped.kubectl.apply(elsewhere, missing)

    def told(name: str) -> Manifest | None:
        return condition(scoped.kubectl.get("agentbindings.tenantry.dev", name, scoped.namespace("a")), "ResolvedRefs")

    first, second = eventually(lambda: told("elsewhere")), eventually(lambda: told("missing"))

    assert (first["status"], first["reason"]) == (second["status"], second["reason"])
    assert first["status"] == "False"


def test_consent_by_labels_is_refused_with_a_reason_and_consent_by_name_still_holds(scoped: Scoped) -> None:
    a, b = scoped.namespace("a"), scoped.namespace("b")
    scoped.kubectl.run("label", "namespace", b, f"tenantry-test={scoped.name}")
    selector = {"from": "Selector", "selector": {"matchLabels": {"tenantry-test": scoped.name}}}
    by_label = {"namespaces": selector}
    by_name = {"namespaces": {"from": "Names", "names": [b]}}
    scoped.kubectl.apply(
        gateway("labelled", a, allowedBindings=[by_label]), gateway("named", a, allowedBindings=[by_label, by_name])
    )
    for name in ("labelled", "named"):
        guest = binding(name, b, name, "slack")
        guest["spec"]["gatewayRef"]["namespace"] = a
        scoped.kubectl.apply(guest)

    def told(kind: str, name: str, namespace: str, about: str, status: str) -> Manifest:
        def found() -> Manifest | None:
            seen = condition(scoped.kubectl.get(kind, name, namespace), about)
            return seen if seen is not None and seen["status"] == status else None

        return eventually(found)

    for name in ("labelled", "named"):
        refused = told("tgw", name, a, "BindingsAccepted", "False")
        assert refused["reason"] == "NamespacesUnreadable"
        assert "looks at single namespaces only: selectors match none" in refused["message"]
        assert "name the namespaces (from: Names)" in refused["message"]
    told("agentbindings.tenantry.dev", "named", b, "Accepted", "True")
    assert told("agentbindings.tenantry.dev", "labelled", b, "Accepted", "False")["reason"] == "GatewayNotFound"
    assert [event for event in scoped.requests() if event["objectRef"]["resource"] == "namespaces"] == []
