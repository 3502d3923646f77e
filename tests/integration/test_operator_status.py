"""What Gateways and AgentBindings say of themselves."""

import json
from typing import Any

import pytest

from dev.kubectl import Kubectl, KubectlError
from tests.integration.operator_harness import Manifest, Operator, Pods, binding, condition, eventually, gateway

pytestmark = pytest.mark.usefixtures("operator")


def said(kubectl: Kubectl, kind: str, name: str, namespace: str, about: str, **wanted: str) -> Manifest:
    """The condition once it is as wanted: status and reason."""

    def as_wanted() -> Manifest | None:
        found = condition(kubectl.get(kind, name, namespace), about)
        return found if found and wanted.items() <= found.items() else None

    return eventually(as_wanted)


def create_api_key(kubectl: Kubectl, namespace: str, key: str = "api-key") -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", f"--from-literal={key}=sk-ant-x")


def events(kubectl: Kubectl, namespace: str, name: str) -> list[tuple[str, str]]:
    found = kubectl.items("events.v1.events.k8s.io", namespace)
    return [(each["type"], each["reason"]) for each in found if each["regarding"]["name"] == name]


def hash_of(kubectl: Kubectl, namespace: str) -> str:
    return str(kubectl.get("tgw", "a", namespace)["status"]["configHash"])


def test_an_invalid_gateway_is_refused_with_path_and_remedy(kubectl: Kubectl, namespace: str) -> None:
    with pytest.raises(KubectlError, match=r"spec\.agents") as refused:
        kubectl.apply(gateway("a", namespace, agents={}))
    assert "should have at least 1" in str(refused.value)

    with pytest.raises(KubectlError, match=r"spec\.defaultAgent.*must be one of the keys of spec\.agents"):
        kubectl.apply(gateway("a", namespace, defaultAgent="absent"))


def test_a_missing_api_key_is_named_with_its_remedy_and_heals_when_it_appears(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))

    missing = said(kubectl, "tgw", "a", namespace, "SecretsAvailable", status="False", reason="SecretMissing")
    assert f"{namespace}/anthropic" in missing["message"]
    assert f"kubectl -n {namespace} create secret generic anthropic --from-literal=api-key=" in missing["message"]

    create_api_key(kubectl, namespace, "apikey")
    wrong = said(kubectl, "tgw", "a", namespace, "SecretsAvailable", status="False", reason="SecretKeyMissing")
    assert 'found: "apikey"' in wrong["message"]

    kubectl.run("-n", namespace, "patch", "secret", "anthropic", "-p", '{"stringData":{"api-key":"sk-ant-x"}}')
    said(kubectl, "tgw", "a", namespace, "SecretsAvailable", status="True")

    kubectl.run("-n", namespace, "delete", "secret", "anthropic")
    said(kubectl, "tgw", "a", namespace, "SecretsAvailable", status="False", reason="SecretMissing")
    assert ("Warning", "SecretMissing") in events(kubectl, namespace, "a")


def test_an_invalid_binding_is_not_accepted_and_harms_no_other(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(
        gateway("a", namespace),
        binding("good", namespace, "a", "slack"),
        binding("bad", namespace, "a", "telegram", agent="mian"),
    )

    bad = said(kubectl, "tab", "bad", namespace, "Accepted", status="False", reason="AgentNotFound")
    said(kubectl, "tab", "good", namespace, "Accepted", status="True")

    assert "main" in bad["message"]
    config = kubectl.get("configmap", "a-gateway", namespace)["data"]["config.yaml"]
    assert "slack" in config
    assert "telegram" not in config
    said(kubectl, "tgw", "a", namespace, "BindingsAccepted", status="False")


def test_a_binding_of_an_absent_gateway_says_so_and_is_accepted_when_the_gateway_comes(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(binding("b", namespace, "a", "slack"))
    said(kubectl, "tab", "b", namespace, "Accepted", status="False", reason="GatewayNotFound")

    kubectl.apply(gateway("a", namespace))
    said(kubectl, "tab", "b", namespace, "Accepted", status="True")

    kubectl.run("-n", namespace, "delete", "tgw", "a")
    said(kubectl, "tab", "b", namespace, "Accepted", status="False", reason="GatewayNotFound")


def test_a_binding_that_moves_leaves_one_gateway_for_the_other(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace), gateway("z", namespace), binding("b", namespace, "a", "slack"))

    def routes(name: str) -> bool:
        return "slack" in kubectl.get("configmap", f"{name}-gateway", namespace)["data"]["config.yaml"]

    eventually(lambda: routes("a") or None)
    kubectl.apply(binding("b", namespace, "z", "slack"))
    eventually(lambda: (routes("z") and not routes("a")) or None)


def test_a_foreign_object_is_not_taken_over_and_its_removal_heals(kubectl: Kubectl, namespace: str) -> None:
    kubectl.run("-n", namespace, "create", "configmap", "a-gateway", "--from-literal=theirs=1")
    kubectl.apply(gateway("a", namespace))

    stalled = said(kubectl, "tgw", "a", namespace, "Stalled", status="True", reason="NameConflict")

    assert f"ConfigMap {namespace}/a-gateway" in stalled["message"]
    assert kubectl.get("configmap", "a-gateway", namespace)["data"] == {"theirs": "1"}
    assert ("Warning", "NameConflict") in events(kubectl, namespace, "a")

    kubectl.run("-n", namespace, "delete", "configmap", "a-gateway")

    def healed() -> bool | None:
        live = kubectl.get("configmap", "a-gateway", namespace)
        stalled = condition(kubectl.get("tgw", "a", namespace), "Stalled")
        return ("config.yaml" in live["data"] and stalled is None) or None

    eventually(healed, seconds=90)


def test_a_foreign_token_secret_is_not_taken_over(kubectl: Kubectl, namespace: str) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "a-token", "--from-literal=token=theirs")
    kubectl.apply(gateway("a", namespace))

    said(kubectl, "tgw", "a", namespace, "Stalled", status="True", reason="NameConflict")
    assert "ownerReferences" not in kubectl.get("secret", "a-token", namespace)["metadata"]


def test_a_gateway_is_ready_when_its_pod_is_and_a_binding_programmed_when_the_pod_serves_it(
    kubectl: Kubectl, operator: Operator, namespace: str, pods: Pods
) -> None:
    create_api_key(kubectl, namespace)
    kubectl.apply(gateway("a", namespace, port=pods.port), binding("b", namespace, "a", "slack"))
    said(kubectl, "tab", "b", namespace, "Accepted", status="True")
    pods.config_hash = hash_of(kubectl, namespace)

    pods.run(namespace, "a")

    said(kubectl, "tgw", "a", namespace, "Ready", status="True")
    said(kubectl, "tab", "b", namespace, "Programmed", status="True")
    kubectl.wait("condition=Ready", "gateways.tenantry.dev/a", namespace, 5)
    assert ("Normal", "Ready") in events(kubectl, namespace, "a")
    operator.rests()
    asked, written = pods.asked, len(operator.writes(namespace))
    kubectl.run("-n", namespace, "annotate", "tgw", "a", "theirs=1")
    kubectl.run("-n", namespace, "annotate", "deployment", "a-gateway", "theirs=1")
    operator.rests()
    assert operator.writes(namespace)[written:] == []
    assert pods.asked == asked


def test_a_new_binding_touches_the_pod_and_is_programmed_once_the_pod_follows(
    kubectl: Kubectl, namespace: str, pods: Pods
) -> None:
    pod = ready_gateway(kubectl, namespace, pods)
    old = pods.config_hash

    kubectl.apply(binding("b", namespace, "a", "slack"))

    def refreshed() -> str | None:
        return annotation(kubectl, namespace, pod)

    first = eventually(refreshed)
    eventually(lambda: refreshed() != first or None)  # The hash has not followed: touched once more.
    said(kubectl, "tab", "b", namespace, "Programmed", status="False")
    said(kubectl, "tgw", "a", namespace, "Reconciling", status="True", reason="ConfigPending")
    assert hash_of(kubectl, namespace) != old
    pods.config_hash = hash_of(kubectl, namespace)
    said(kubectl, "tab", "b", namespace, "Programmed", status="True")
    eventually(lambda: condition(kubectl.get("tgw", "a", namespace), "Reconciling") is None or None)
    live = kubectl.get("pod", pod["metadata"]["name"], namespace)
    assert live["metadata"]["uid"] == pod["metadata"]["uid"]


def test_a_changed_secret_touches_the_pod(kubectl: Kubectl, namespace: str, pods: Pods) -> None:
    pod = ready_gateway(kubectl, namespace, pods)

    kubectl.run("-n", namespace, "patch", "secret", "anthropic", "-p", '{"stringData":{"api-key":"sk-ant-y"}}')

    eventually(lambda: annotation(kubectl, namespace, pod))


def test_a_restart_with_ready_gateways_writes_nothing(
    kubectl: Kubectl, operator: Operator, namespace: str, pods: Pods
) -> None:
    ready_gateway(kubectl, namespace, pods)
    kubectl.apply(binding("b", namespace, "a", "slack"))
    eventually(lambda: hash_of(kubectl, namespace) != pods.config_hash or None)
    pods.config_hash = hash_of(kubectl, namespace)
    said(kubectl, "tab", "b", namespace, "Programmed", status="True")
    eventually(lambda: condition(kubectl.get("tgw", "a", namespace), "Reconciling") is None or None)
    operator.stop()
    before, asked = operator.audited(), pods.asked

    operator.start()

    eventually(lambda: pods.asked > asked or None)
    operator.rests()
    assert operator.writes(namespace, before) == []
    events = operator.control_plane.audit_events()[before:]
    reads = [event["objectRef"] for event in events if event["verb"] == "get" and "objectRef" in event]
    secrets = {ref["name"] for ref in reads if ref["resource"] == "secrets" and ref.get("namespace") == namespace}
    assert secrets == {"anthropic"}, "tokens that the operator has made are read by one list, other Secrets one by one"


def test_a_pod_that_cannot_start_is_explained(kubectl: Kubectl, namespace: str, pods: Pods) -> None:
    create_api_key(kubectl, namespace)
    kubectl.apply(gateway("a", namespace, port=pods.port))
    pod = pods.run(namespace, "a")
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    container: dict[str, Any] = {"name": "gateway", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    unready = [{"type": "Ready", "status": "False"}]

    patch = json.dumps({"status": {"conditions": unready, "containerStatuses": [{**container, "state": waiting}]}})
    name = pod["metadata"]["name"]
    kubectl.run("-n", namespace, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)

    def explained() -> bool | None:
        found = condition(kubectl.get("tgw", "a", namespace), "Ready")
        return (found is not None and "cannot pull the image" in found["message"]) or None

    eventually(explained)


def annotation(kubectl: Kubectl, namespace: str, pod: Manifest) -> str | None:
    live = kubectl.get("pod", pod["metadata"]["name"], namespace)
    found = live["metadata"].get("annotations", {}).get("tenantry.dev/refresh")
    return str(found) if found else None


def ready_gateway(kubectl: Kubectl, namespace: str, pods: Pods) -> Manifest:
    """A Gateway with a ready pod that serves its configuration; returns the pod."""
    create_api_key(kubectl, namespace)
    kubectl.apply(gateway("a", namespace, port=pods.port))
    said(kubectl, "tgw", "a", namespace, "ConfigValid", status="True")
    pods.config_hash = hash_of(kubectl, namespace)
    pod = pods.run(namespace, "a")
    said(kubectl, "tgw", "a", namespace, "Ready", status="True")
    assert annotation(kubectl, namespace, pod) is None
    return pod
