"""AgentBindings of other namespaces, and what AgentBindings say of themselves while others change."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from dev.kubectl import Kubectl
from tenantry_operator.reconcile.agent_binding import BATCH
from tests.integration.operator_harness import Manifest, Operator, Pods, binding, condition, eventually, gateway
from tests.integration.test_operator_permissions import without

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def guests(installed: Kubectl, namespace: str) -> Iterator[str]:
    """A second namespace."""
    name = f"{namespace}-guests"
    installed.run("create", "namespace", name)
    yield name
    installed.run("-n", name, "delete", "agentbindings.tenantry.dev", "--all", "--wait=false")


def guest(name: str, namespace: str, home: str, channel: str = "slack", **spec: Any) -> Manifest:
    """A binding in ``namespace`` to the Gateway ``a`` in ``home``."""
    manifest = binding(name, namespace, "a", channel)
    manifest["spec"] = {**manifest["spec"], "gatewayRef": {"name": "a", "namespace": home}, **spec}
    return manifest


def by_name(*names: str, **limits: list[str]) -> list[dict[str, Any]]:
    return [{"namespaces": {"from": "Names", "names": list(names)}, **limits}]


def by_label(label: str) -> list[dict[str, Any]]:
    return [{"namespaces": {"from": "Selector", "selector": {"matchLabels": {"tenantry-test": label}}}}]


def said(kubectl: Kubectl, kind: str, name: str, namespace: str, about: str, **wanted: str) -> Manifest:
    """The condition once it is as wanted: status and reason."""

    def as_wanted() -> Manifest | None:
        found = condition(kubectl.get(kind, name, namespace), about)
        return found if found and wanted.items() <= found.items() else None

    return eventually(as_wanted)


def routes(kubectl: Kubectl, namespace: str) -> str:
    return str(kubectl.get("configmap", "a-gateway", namespace)["data"]["config.yaml"])


def timeless(live: Manifest) -> list[dict[str, Any]]:
    """The conditions without what differs between any two objects."""
    text = json.dumps(live["status"]["conditions"])
    text = re.sub(r'"lastTransitionTime": "[^"]*"', '""', text)
    return [one if isinstance(one, dict) else {} for one in json.loads(text.replace('"", ', ""))]


def test_a_gateway_that_does_not_consent_looks_like_one_that_is_not_there(
    kubectl: Kubectl, operator: Operator, namespace: str, guests: str
) -> None:
    kubectl.apply(gateway("a", namespace))
    before = said(kubectl, "tgw", "a", namespace, "BindingsAccepted", status="True")

    refused, absent = guest("refused", guests, namespace), guest("absent", guests, namespace)
    absent["spec"]["gatewayRef"]["name"] = "b"
    kubectl.apply(refused, absent)
    for name in ("refused", "absent"):
        said(kubectl, "tab", name, guests, "Accepted", status="False", reason="GatewayNotFound")
        said(kubectl, "tab", name, guests, "Programmed", status="False")

    answers = [timeless(kubectl.get("tab", name, guests)) for name in ("refused", "absent")]
    assert json.dumps(answers[0]) == json.dumps(answers[1]).replace(f"{namespace}/b", f"{namespace}/a")

    def told() -> list[list[tuple[str, str, str]]] | None:
        found = kubectl.items("events.v1.events.k8s.io", guests)
        by_object = [
            [(each["type"], each["reason"], each["note"]) for each in found if each["regarding"]["name"] == name]
            for name in ("refused", "absent")
        ]
        return by_object if all(by_object) else None

    events = eventually(told)
    assert json.dumps(events[0]) == json.dumps(events[1]).replace(f"{namespace}/b", f"{namespace}/a")
    operator.rests()
    assert condition(kubectl.get("tgw", "a", namespace), "BindingsAccepted") == before, "the Gateway is not told"


def test_a_crowd_of_strangers_is_told_to_the_last_and_once(
    kubectl: Kubectl, operator: Operator, namespace: str, guests: str
) -> None:
    """More than are told in one go."""
    crowd = [guest(f"g{number}", guests, namespace, f"c{number}") for number in range(2 * BATCH + 10)]
    kubectl.apply(gateway("a", namespace), *crowd)

    def untold() -> list[str]:
        found = kubectl.items("tab", guests)
        return [each["metadata"]["name"] for each in found if condition(each, "Accepted") is None]

    eventually(lambda: not untold() or None, seconds=90)
    operator.rests()
    written = [write.split()[-1] for write in operator.writes(guests) if "agentbindings/status" in write]
    assert sorted(written) == sorted(each["metadata"]["name"] for each in crowd)


def test_consent_lets_a_route_in_and_its_withdrawal_takes_it_away_at_once(
    kubectl: Kubectl, namespace: str, guests: str
) -> None:
    kubectl.apply(gateway("a", namespace, allowedBindings=by_name(guests)), guest("g", guests, namespace))
    said(kubectl, "tab", "g", guests, "Accepted", status="True")
    eventually(lambda: f"namespace: {guests}" in routes(kubectl, namespace) or None)
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"]["bindings"] == 1 or None)

    kubectl.apply(gateway("a", namespace))

    told = said(kubectl, "tab", "g", guests, "Accepted", status="False", reason="GatewayNotFound")
    assert f"does not allow AgentBindings of namespace {guests}" in told["message"]
    said(kubectl, "tab", "g", guests, "Programmed", status="False", reason="NotAccepted")
    assert guests not in routes(kubectl, namespace)


def test_agents_and_channels_that_are_not_allowed_are_refused_and_the_gateway_stays_well(
    kubectl: Kubectl, namespace: str, guests: str
) -> None:
    agents = {"main": {"model": "m"}, "private": {"model": "m"}}
    allowed = by_name(guests, agents=["main"], channels=["slack"])
    kubectl.apply(
        gateway("a", namespace, agents=agents, allowedBindings=allowed),
        guest("fine", guests, namespace),
        guest("private", guests, namespace, agentId="private"),
        guest("all", guests, namespace, "*"),
    )

    said(kubectl, "tab", "fine", guests, "Accepted", status="True")
    hidden = said(kubectl, "tab", "private", guests, "Accepted", status="False", reason="AgentNotFound")
    assert "main" not in hidden["message"]
    said(kubectl, "tab", "all", guests, "Accepted", status="False", reason="ChannelNotAllowed")
    told = said(kubectl, "tgw", "a", namespace, "BindingsAccepted", status="True")
    assert f"{guests}/all (ChannelNotAllowed)" in told["message"]


def test_a_namespace_that_gets_the_label_may_bind_until_it_loses_it(
    kubectl: Kubectl, namespace: str, guests: str
) -> None:
    kubectl.apply(gateway("a", namespace, allowedBindings=by_label(namespace)), guest("g", guests, namespace))
    said(kubectl, "tab", "g", guests, "Accepted", status="False", reason="GatewayNotFound")

    kubectl.run("label", "namespace", guests, f"tenantry-test={namespace}")
    said(kubectl, "tab", "g", guests, "Accepted", status="True")

    kubectl.run("label", "namespace", guests, "tenantry-test-")
    said(kubectl, "tab", "g", guests, "Accepted", status="False", reason="GatewayNotFound")


def test_a_restart_keeps_routes_of_selected_namespaces_and_writes_nothing(
    kubectl: Kubectl, operator: Operator, namespace: str, guests: str
) -> None:
    kubectl.run("label", "namespace", guests, f"tenantry-test={namespace}")
    kubectl.apply(gateway("a", namespace, allowedBindings=by_label(namespace)), guest("g", guests, namespace))
    said(kubectl, "tab", "g", guests, "Accepted", status="True")
    eventually(lambda: guests in routes(kubectl, namespace) or None)
    operator.rests()
    operator.stop()
    before = operator.audited()

    operator.start()
    operator.settled(1)

    operator.rests()
    assert (operator.writes(namespace, before), operator.writes(guests, before)) == ([], [])


def test_without_the_right_to_read_namespaces_selectors_match_nothing_and_the_gateway_says_so(
    kubectl: Kubectl, operator: Operator, namespace: str, guests: str
) -> None:
    kubectl.run("label", "namespace", guests, f"tenantry-test={namespace}")
    operator.stop()
    try:
        with without(kubectl, "namespaces", "list", "watch"):
            operator.start()
            both = [*by_label(namespace), *by_name("elsewhere")]
            kubectl.apply(gateway("a", namespace, allowedBindings=both), guest("g", guests, namespace))
            told = said(
                kubectl, "tgw", "a", namespace, "BindingsAccepted", status="False", reason="NamespacesUnreadable"
            )
            assert "may not list and watch namespaces" in told["message"]
            assert "from: Names" in told["message"]
            said(kubectl, "tab", "g", guests, "Accepted", status="False", reason="GatewayNotFound")
            said(kubectl, "tgw", "a", namespace, "ConfigValid", status="True")
        eventually(lambda: healed(kubectl, guests), seconds=90)
        said(kubectl, "tgw", "a", namespace, "BindingsAccepted", status="True")
    finally:
        operator.stop()
        operator.start()


def healed(kubectl: Kubectl, namespace: str) -> bool | None:
    found = condition(kubectl.get("tab", "g", namespace), "Accepted")
    return (found is not None and found["status"] == "True") or None


def test_a_guest_that_an_own_route_covers_is_conflicted_and_is_not_told_by_which(
    kubectl: Kubectl, namespace: str, guests: str
) -> None:
    kubectl.apply(
        gateway("a", namespace, allowedBindings=by_name(guests)),
        binding("own", namespace, "a", "slack"),
        guest("eager", guests, namespace, match={"channel": "slack", "senderId": "u"}, priority=1000),
    )

    told = said(kubectl, "tab", "eager", guests, "Conflicted", status="True")
    assert "A route of the Gateway's own namespace" in told["message"]
    assert "own namespace does" in told["message"]
    table = kubectl.run("-n", guests, "get", "tab", "eager", "-o", "wide")
    assert [cell(table, name) for name in ("GATEWAY", "AGENT", "CHANNEL", "ACCEPTED")] == ["a", "main", "slack", "True"]
    assert [cell(table, name) for name in ("GATEWAY NAMESPACE", "SENDER ID", "CONFLICTED")] == [namespace, "u", "True"]
    assert condition(kubectl.get("tab", "own", namespace), "Conflicted") is None

    kubectl.run("-n", namespace, "delete", "tab", "own")
    eventually(lambda: condition(kubectl.get("tab", "eager", guests), "Conflicted") is None or None)


def cell(table: str, column: str) -> str:
    """What stands under a column in the first row."""
    header, row, *_ = table.splitlines()
    found = re.search(rf"\b{column}(  |$)", header)
    assert found is not None, header
    return row[found.start() :].split("  ")[0].strip()


def test_a_gateway_that_is_being_deleted_is_gone_for_its_bindings(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace), binding("b", namespace, "a", "slack"))
    said(kubectl, "tab", "b", namespace, "Accepted", status="True")
    kubectl.run("-n", namespace, "patch", "tgw", "a", "--type=merge", "-p", FINALIZER)
    try:
        kubectl.run("-n", namespace, "delete", "tgw", "a", "--wait=false")
        told = said(kubectl, "tab", "b", namespace, "Accepted", status="False", reason="GatewayNotFound")
        assert "is being deleted" in told["message"]
    finally:
        kubectl.run("-n", namespace, "patch", "tgw", "a", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


FINALIZER = '{"metadata":{"finalizers":["example.com/wait"]}}'


def test_the_change_of_one_route_writes_no_status_of_the_others(
    kubectl: Kubectl, operator: Operator, namespace: str, pods: Pods
) -> None:
    serving(kubectl, namespace, pods, *(binding(f"b{index}", namespace, "a", f"c{index}") for index in range(5)))
    operator.rests()
    before = operator.audited()

    kubectl.apply(binding("b0", namespace, "a", "other"))
    said(kubectl, "tab", "b0", namespace, "Programmed", status="False", reason="Pending")
    follow(kubectl, namespace, pods)
    said(kubectl, "tab", "b0", namespace, "Programmed", status="True")

    operator.rests()
    written = {write.split()[-1] for write in operator.writes(namespace, before) if "agentbindings/status" in write}
    assert written == {"b0"}


def test_a_route_is_programmed_only_while_a_ready_pod_serves_it(kubectl: Kubectl, namespace: str, pods: Pods) -> None:
    pod = serving(kubectl, namespace, pods, binding("b", namespace, "a", "slack"))

    ready(kubectl, namespace, pod, "False")
    said(kubectl, "tab", "b", namespace, "Programmed", status="False", reason="NoReadyPods")

    ready(kubectl, namespace, pod, "True")
    said(kubectl, "tab", "b", namespace, "Programmed", status="True")


def test_a_route_of_a_suspended_gateway_is_not_programmed(kubectl: Kubectl, namespace: str, pods: Pods) -> None:
    pod = serving(kubectl, namespace, pods, binding("b", namespace, "a", "slack"))
    ready(kubectl, namespace, pod, "False")
    said(kubectl, "tab", "b", namespace, "Programmed", status="False", reason="NoReadyPods")

    kubectl.run("-n", namespace, "patch", "tgw", "a", "--type=merge", "-p", '{"spec":{"suspended":true}}')

    told = said(kubectl, "tab", "b", namespace, "Programmed", status="False", reason="GatewaySuspended")
    assert f"kubectl -n {namespace} describe tgw a" in told["message"]
    said(kubectl, "tab", "b", namespace, "Accepted", status="True")


def ready(kubectl: Kubectl, namespace: str, pod: str, status: str) -> None:
    patch = json.dumps({"status": {"conditions": [{"type": "Ready", "status": status}]}})
    kubectl.run("-n", namespace, "patch", "pod", pod, "--subresource=status", "--type=merge", "-p", patch)


def follow(kubectl: Kubectl, namespace: str, pods: Pods) -> None:
    """Let the pods serve the latest configuration."""
    pods.config_hash = str(kubectl.get("tgw", "a", namespace)["status"]["configHash"])


def serving(kubectl: Kubectl, namespace: str, pods: Pods, *bindings: Manifest) -> str:
    """A Gateway whose pod serves these bindings; returns the pod's name."""
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=sk-ant-x")
    kubectl.apply(*bindings, gateway("a", namespace, port=pods.port))
    names = [each["metadata"]["name"] for each in bindings]
    for name in names:
        said(kubectl, "tab", name, namespace, "Accepted", status="True")
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"]["bindings"] == len(names) or None)
    follow(kubectl, namespace, pods)
    pod = str(pods.run(namespace, "a")["metadata"]["name"])
    for name in names:
        said(kubectl, "tab", name, namespace, "Programmed", status="True")
    return pod
