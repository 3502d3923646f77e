"""What a Gateway gets, and that it stays so."""

import base64
import json

import pytest

from dev.kubectl import Kubectl
from tests.integration.operator_harness import Manifest, Operator, binding, condition, eventually, gateway

pytestmark = pytest.mark.usefixtures("operator")

KINDS = ("ConfigMap", "Deployment", "NetworkPolicy", "Secret", "Service", "ServiceAccount")
"""All but the PersistentVolumeClaim, which outlives its Gateway."""
CHILDREN = ",".join(KINDS)


def children(kubectl: Kubectl, namespace: str, name: str = "a") -> dict[str, Manifest]:
    """The objects of a Gateway by kind, but for the audit log's key, which is with the volume."""
    found = kubectl.items(CHILDREN, namespace, f"tenantry.dev/gateway={name}")
    return {each["kind"]: each for each in found if each["metadata"]["name"] != f"{name}-audit"}


def created(kubectl: Kubectl, namespace: str, name: str = "a") -> dict[str, Manifest]:
    """The objects of a Gateway once all are there and its status tells so."""
    eventually(lambda: condition(kubectl.get("tgw", name, namespace), "Ready"))
    found = children(kubectl, namespace, name)
    assert sorted(found) == sorted(KINDS)
    return found


def gateways_and(kubectl: Kubectl, more: int) -> int:
    """How many Gateways there are in the cluster, and ``more`` that bindings name."""
    return len(kubectl.run("get", "tgw", "-A", "-o", "name").split()) + more


def config_of(kubectl: Kubectl, namespace: str) -> str:
    return str(kubectl.get("configmap", "a-gateway", namespace)["data"]["config.yaml"])


def test_a_gateway_gets_its_objects_which_it_owns(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))

    found = created(kubectl, namespace)

    uid = kubectl.get("tgw", "a", namespace)["metadata"]["uid"]
    for child in found.values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == (uid, True, True)
        assert child["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "tenantry-operator"
    assert found["Service"]["spec"]["ports"][0]["port"] == 18789
    assert len(base64.b64decode(found["Secret"]["data"]["token"])) >= 32


def test_each_object_is_written_once_and_the_status_twice_at_most(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    kubectl.apply(gateway("a", namespace))

    created(kubectl, namespace)
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"].get("replicas") == 1 or None)

    writes = operator.writes(namespace)
    assert len(writes) == len(set(writes)) + writes.count("patch gateways/status a") - 1, writes
    assert writes.count("patch gateways/status a") <= 2


def test_a_changed_agent_changes_the_configuration_and_not_the_deployment(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    before = created(kubectl, namespace)["Deployment"]

    kubectl.apply(gateway("a", namespace, agents={"main": {"model": "claude-opus-4-20250514"}}))

    eventually(lambda: "claude-opus-4-20250514" in config_of(kubectl, namespace) or None)
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"]["observedGeneration"] == 2 or None)
    after = kubectl.get("deployment", "a-gateway", namespace)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_changed_image_changes_the_deployment(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)

    kubectl.apply(gateway("a", namespace, image={"repository": "example.com/other", "tag": "2"}))

    def image() -> str:
        spec = kubectl.get("deployment", "a-gateway", namespace)["spec"]["template"]["spec"]
        return str(spec["containers"][0]["image"])

    eventually(lambda: image() == "example.com/other:2" or None)


def test_an_edited_object_is_put_right_and_what_others_added_stays(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)
    wanted = config_of(kubectl, namespace)
    patch = {"data": {"config.yaml": "agents: {}", "theirs": "kept"}, "metadata": {"annotations": {"theirs": "kept"}}}

    kubectl.run("-n", namespace, "patch", "configmap", "a-gateway", "--type=merge", "-p", json.dumps(patch))

    eventually(lambda: config_of(kubectl, namespace) == wanted or None)
    healed = kubectl.get("configmap", "a-gateway", namespace)
    assert healed["data"]["theirs"] == "kept"
    assert healed["metadata"]["annotations"]["theirs"] == "kept"


def test_scaling_a_deployment_by_hand_is_put_right(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)

    kubectl.run("-n", namespace, "scale", "deployment", "a-gateway", "--replicas=3")

    eventually(lambda: kubectl.get("deployment", "a-gateway", namespace)["spec"]["replicas"] == 1 or None)


def test_deleted_objects_come_back(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    before = created(kubectl, namespace)

    selector = "tenantry.dev/gateway=a"
    kubectl.run("-n", namespace, "delete", CHILDREN, "-l", selector, "--wait=false")

    def all_new() -> dict[str, Manifest] | None:
        now = children(kubectl, namespace)
        same = [
            kind for kind in KINDS if kind not in now or now[kind]["metadata"]["uid"] == before[kind]["metadata"]["uid"]
        ]
        return None if same else now

    after = eventually(all_new)
    assert after["Secret"]["data"]["token"] != before["Secret"]["data"]["token"]


def test_an_object_that_lost_its_labels_is_recognised_and_put_right(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    before = created(kubectl, namespace)["Service"]

    kubectl.run("-n", namespace, "label", "service", "a-gateway", "tenantry.dev/gateway-")

    def labelled() -> Manifest | None:
        live = kubectl.get("service", "a-gateway", namespace)
        return live if live["metadata"]["labels"].get("tenantry.dev/gateway") == "a" else None

    assert eventually(labelled)["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_generated_token_that_is_no_longer_wanted_is_deleted(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)

    kubectl.apply(gateway("a", namespace, auth={"tokenSecretRef": {"name": "own", "key": "token"}}))

    kubectl.run("-n", namespace, "wait", "--for=delete", "secret/a-token", "--timeout=30s")


def test_nothing_is_left_of_a_deleted_gateway(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)

    kubectl.run("-n", namespace, "delete", "tgw", "a")

    eventually(lambda: children(kubectl, namespace) == {} or None)


def test_the_audit_logs_key_stays_with_the_volume_and_is_used_again(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)
    before = kubectl.get("secret", "a-audit", namespace)
    assert list(before["data"]) == ["audit-key"]
    assert before["data"] != kubectl.get("secret", "a-token", namespace)["data"]

    kubectl.run("-n", namespace, "delete", "tgw", "a")
    eventually(lambda: children(kubectl, namespace) == {} or None)
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)

    assert kubectl.get("secret", "a-audit", namespace)["metadata"]["uid"] == before["metadata"]["uid"]


def test_the_audit_logs_key_goes_with_a_volume_that_goes(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)
    kubectl.apply(gateway("a", namespace, deletionPolicy="Delete"))
    eventually(lambda: kubectl.get("secret", "a-audit", namespace)["metadata"].get("ownerReferences"))

    kubectl.run("-n", namespace, "delete", "tgw", "a")

    kubectl.run("-n", namespace, "wait", "--for=delete", "secret/a-audit", "--timeout=30s")


def test_an_audit_log_whose_key_was_deleted_gets_a_new_one(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)

    kubectl.run("-n", namespace, "delete", "secret", "a-audit")

    eventually(lambda: kubectl.items("secrets", namespace, "tenantry.dev/gateway=a")[1:] or None)


def test_a_gateway_deleted_and_made_again_at_once_gets_objects_of_its_own(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)

    kubectl.run("-n", namespace, "delete", "tgw", "a")
    kubectl.apply(gateway("a", namespace))

    uid = kubectl.get("tgw", "a", namespace)["metadata"]["uid"]

    def owned() -> bool | None:
        found = children(kubectl, namespace)
        owners = {child["metadata"]["ownerReferences"][0]["uid"] for child in found.values()}
        return (sorted(found) == sorted(KINDS) and owners == {uid}) or None

    eventually(owned)


def test_no_object_is_made_while_a_gateway_waits_for_its_children_to_go(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl.apply(gateway("a", namespace))
    created(kubectl, namespace)
    before = operator.audited()

    kubectl.run("-n", namespace, "delete", "tgw", "a", "--cascade=foreground")

    eventually(lambda: children(kubectl, namespace) == {} or None)
    assert not [write for write in operator.writes(namespace, before) if write.startswith(("patch deploy", "create"))]


def test_a_namespace_that_goes_takes_everything_along(kubectl: Kubectl, namespace: str) -> None:
    other = f"{namespace[:40]}-too"
    kubectl.run("create", "namespace", other)
    kubectl.apply(gateway("a", other), binding("b", other, "a", "slack"))
    created(kubectl, other)

    kubectl.run("delete", "namespace", other, "--timeout=60s")

    assert other not in kubectl.run("get", "namespaces")


def test_a_restart_with_nothing_to_do_writes_nothing(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace), binding("b", namespace, "a", "slack"), binding("c", namespace, "none", "x"))
    created(kubectl, namespace)
    eventually(lambda: condition(kubectl.get("tab", "b", namespace), "Accepted"))
    eventually(lambda: condition(kubectl.get("tab", "c", namespace), "Accepted"))
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"].get("replicas") == 1 or None)
    assert operator.stop() == 0
    before = operator.audited()

    operator.start().settled(keys=gateways_and(kubectl, 1))

    assert operator.writes(namespace, before) == []


def test_what_happened_while_the_operator_was_down_is_put_right(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl.apply(gateway("a", namespace), binding("b", namespace, "a", "slack"))
    created(kubectl, namespace)
    eventually(lambda: "slack" in config_of(kubectl, namespace) or None)
    operator.kill()

    kubectl.run("-n", namespace, "delete", "service,deployment", "-l", "tenantry.dev/gateway=a")
    kubectl.run("-n", namespace, "delete", "tab", "b")
    token = kubectl.get("secret", "a-token", namespace)["data"]
    operator.start()

    eventually(lambda: (sorted(children(kubectl, namespace)) == sorted(KINDS)) or None)
    eventually(lambda: "slack" not in config_of(kubectl, namespace) or None)
    assert kubectl.get("secret", "a-token", namespace)["data"] == token


def test_the_operator_ends_on_sigterm_without_an_error(operator: Operator) -> None:
    try:
        assert operator.stop() == 0
    finally:
        operator.start()
