"""The volume of a Gateway: made, kept, used again, grown; and what the status says where that cannot be."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dev.kubectl import Kubectl, KubectlError
from tests.integration.operator_harness import (
    STORAGE_CLASS,
    Manifest,
    Operator,
    condition,
    eventually,
    gateway,
)
from tests.integration.test_operator_permissions import without

pytestmark = pytest.mark.usefixtures("operator")

CLAIM = "a-state"
OURS = {"app.kubernetes.io/managed-by": "tenantry-operator", "tenantry.dev/gateway": "a"}


def claim(kubectl: Kubectl, namespace: str) -> Manifest:
    """The claim of the Gateway ``a`` once it is there."""
    return eventually(lambda: kubectl.get("pvc", CLAIM, namespace))


def storage(kubectl: Kubectl, namespace: str, reason: str) -> str:
    """What StorageReady says once it has that reason and tells of the latest Gateway."""

    def told() -> str | None:
        live = kubectl.get("tgw", "a", namespace)
        found = condition(live, "StorageReady")
        if found is None or found["reason"] != reason:
            return None
        return str(found["message"]) if found["observedGeneration"] == live["metadata"]["generation"] else None

    return eventually(told)


def owners(live: Manifest) -> list[str]:
    return [owner["uid"] for owner in live["metadata"].get("ownerReferences", ())]


def request(live: Manifest) -> str:
    return str(live["spec"]["resources"]["requests"]["storage"])


def storage_class(name: str, **more: Any) -> Manifest:
    """A class that makes no volumes and waits for no pod."""
    return {**STORAGE_CLASS, "metadata": {"name": name}, "volumeBindingMode": "Immediate", **more}


def volume(namespace: str, size: str = "1Gi", class_name: str = "standard", name: str = CLAIM) -> Manifest:
    """A volume made by hand for the claim of the Gateway ``a``."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{namespace}-{name}"},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "storageClassName": class_name,
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": "/nowhere"},
            "claimRef": {"namespace": namespace, "name": name},
        },
    }


def bound(kubectl: Kubectl, namespace: str, size: str = "1Gi", **spec: Any) -> Manifest:
    """A Gateway whose claim has a volume."""
    kubectl.apply(volume(namespace, size, spec.get("storage", {}).get("storageClassName", "standard")))
    kubectl.apply(gateway("a", namespace, **spec))
    kubectl.wait("create", f"pvc/{CLAIM}", namespace)
    kubectl.wait("jsonpath={.status.phase}=Bound", f"pvc/{CLAIM}", namespace)
    return kubectl.get("pvc", CLAIM, namespace)


def api_key(kubectl: Kubectl, namespace: str) -> None:
    """All that the Gateway ``a`` needs besides: Ready tells of a missing Secret first."""
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")


@contextmanager
def classes(kubectl: Kubectl, *manifests: Manifest) -> Iterator[None]:
    """StorageClasses, while inside."""
    kubectl.apply(*manifests)
    try:
        yield
    finally:
        names = [manifest["metadata"]["name"] for manifest in manifests]
        kubectl.run("delete", "storageclass", "--ignore-not-found", *names)


def let_volumes_grow(kubectl: Kubectl, class_name: str) -> None:
    kubectl.run("patch", "storageclass", class_name, "--type=merge", "-p", '{"allowVolumeExpansion":true}')


def settled(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    """Wait until the status is of the latest Gateway and Deployment, and nothing waits to be looked at."""
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"].get("replicas") == 1 or None)
    operator.rests()


def test_a_gateway_gets_a_claim_that_its_pod_mounts(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace, storage={"size": "2048Mi", "accessModes": ["ReadWriteOncePod"]}))

    live = claim(kubectl, namespace)

    assert request(live) == "2Gi"
    assert live["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert live["spec"]["storageClassName"] == "standard"
    assert live["metadata"]["labels"].items() >= OURS.items()
    assert "when a pod of the gateway is scheduled" in storage(kubectl, namespace, "WaitingForFirstConsumer")
    pod = kubectl.get("deployment", "a-gateway", namespace)["spec"]["template"]["spec"]
    (state,) = (each for each in pod["volumes"] if each["name"] == "state")
    assert state == {"name": "state", "persistentVolumeClaim": {"claimName": CLAIM}}


def test_a_claim_stays_when_its_gateway_goes_and_the_next_one_of_that_name_uses_it(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    first = bound(kubectl, namespace, storage={"size": "1Gi"})
    assert owners(first) == []
    assert "stays when the Gateway is deleted" in storage(kubectl, namespace, "Bound")

    kubectl.run("-n", namespace, "delete", "tgw", "a", "--cascade=foreground")
    before = operator.audited()
    kubectl.apply(gateway("a", namespace, storage={"size": "1Gi"}))

    storage(kubectl, namespace, "Bound")
    assert claim(kubectl, namespace)["metadata"]["uid"] == first["metadata"]["uid"]
    assert not [write for write in operator.writes(namespace, before) if "persistentvolumeclaims" in write]


def test_a_claim_goes_with_its_gateway_where_that_is_asked_for(kubectl: Kubectl, namespace: str) -> None:
    live = bound(kubectl, namespace, deletionPolicy="Delete")
    assert owners(live) == [kubectl.get("tgw", "a", namespace)["metadata"]["uid"]]
    assert "goes with the Gateway" in storage(kubectl, namespace, "Bound")

    kubectl.run("-n", namespace, "delete", "tgw", "a")

    kubectl.run("-n", namespace, "wait", "--for=delete", f"pvc/{CLAIM}", "--timeout=60s")


def test_the_policy_can_be_changed_both_ways_while_the_gateway_runs(kubectl: Kubectl, namespace: str) -> None:
    first = bound(kubectl, namespace)
    uid = kubectl.get("tgw", "a", namespace)["metadata"]["uid"]

    kubectl.apply(gateway("a", namespace, deletionPolicy="Delete"))
    eventually(lambda: owners(claim(kubectl, namespace)) == [uid] or None)
    kubectl.apply(gateway("a", namespace, deletionPolicy="Retain"))
    eventually(lambda: owners(claim(kubectl, namespace)) == [] or None)

    kubectl.run("-n", namespace, "delete", "tgw", "a", "--cascade=foreground")
    kept = claim(kubectl, namespace)
    assert (kept["metadata"]["uid"], kept["status"]["phase"]) == (first["metadata"]["uid"], "Bound")
    assert "deletionTimestamp" not in kept["metadata"]


def test_a_gateway_made_again_at_once_waits_for_the_claim_that_goes_with_its_predecessor(
    kubectl: Kubectl, namespace: str
) -> None:
    api_key(kubectl, namespace)
    first = bound(kubectl, namespace, deletionPolicy="Delete")
    hold = json.dumps({"metadata": {"finalizers": ["tenantry.dev/test"]}})
    kubectl.run("-n", namespace, "patch", "pvc", CLAIM, "--type=merge", "-p", hold)

    kubectl.run("-n", namespace, "delete", "tgw", "a")
    kubectl.apply(gateway("a", namespace))

    def waits() -> bool | None:
        found = condition(kubectl.get("tgw", "a", namespace), "Reconciling")
        return (found is not None and found["reason"] == "WaitingForDeletion" and CLAIM in found["message"]) or None

    eventually(waits)
    assert kubectl.items("deployments", namespace, "tenantry.dev/gateway=a") == [], "no pod may use the old volume"
    kubectl.run("-n", namespace, "patch", "pvc", CLAIM, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')

    eventually(lambda: claim(kubectl, namespace)["metadata"]["uid"] != first["metadata"]["uid"] or None)
    eventually(lambda: kubectl.get("deployment", "a-gateway", namespace))


def test_a_claim_of_that_name_that_is_not_ours_is_never_used_until_somebody_says_so(
    kubectl: Kubectl, namespace: str
) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "3Gi"}}},
    }
    kubectl.apply(theirs)
    kubectl.apply(gateway("a", namespace))

    stalled = eventually(lambda: condition(kubectl.get("tgw", "a", namespace), "Stalled"))
    assert stalled["reason"] == "NameConflict"
    assert kubectl.items("deployments", namespace) == []
    advice = stalled["message"].partition("use it as this Gateway's volume instead: kubectl ")[2]

    kubectl.run(*advice.split())

    eventually(lambda: kubectl.get("deployment", "a-gateway", namespace))
    used = claim(kubectl, namespace)
    assert (request(used), used["spec"]["accessModes"]) == ("3Gi", ["ReadWriteMany"])


def test_a_kept_claim_that_differs_is_used_as_it_is_and_the_status_says_so(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    bound(kubectl, namespace, "5Gi", storage={"size": "5Gi"})
    kubectl.run("-n", namespace, "delete", "tgw", "a", "--cascade=foreground")
    other = {"size": "1Gi", "storageClassName": "other", "accessModes": ["ReadWriteMany"]}
    kubectl.apply(gateway("a", namespace, storage=other))

    message = storage(kubectl, namespace, "VolumeDiffers")
    assert "size is 5Gi, not 1Gi" in message
    assert 'storageClassName is "standard", not "other"' in message
    assert "accessModes are ReadWriteOnce, not ReadWriteMany" in message
    found = condition(kubectl.get("tgw", "a", namespace), "StorageReady")
    assert found is not None
    assert found["status"] == "True"

    settled(kubectl, operator, namespace)
    before = operator.audited()
    kubectl.apply(gateway("a", namespace, storage=other, logLevel="debug"))
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"]["observedGeneration"] == 2 or None)
    assert not [write for write in operator.writes(namespace, before) if "persistentvolumeclaims" in write]


def test_a_volume_grows_where_its_class_lets_it(kubectl: Kubectl, namespace: str) -> None:
    fast = storage_class(f"{namespace}-grows", allowVolumeExpansion=True)
    named = {"storageClassName": fast["metadata"]["name"]}
    with classes(kubectl, fast):
        bound(kubectl, namespace, storage={"size": "1Gi", **named})

        kubectl.apply(gateway("a", namespace, storage={"size": "2Gi", **named}))

        eventually(lambda: request(claim(kubectl, namespace)) == "2Gi" or None)
        assert "grows from 1Gi to 2Gi" in storage(kubectl, namespace, "VolumeGrowing")
        resized = json.dumps({"status": {"capacity": {"storage": "2Gi"}}})
        kubectl.run("-n", namespace, "patch", "pvc", CLAIM, "--subresource=status", "--type=merge", "-p", resized)
        assert "a volume of 2Gi" in storage(kubectl, namespace, "Bound")


def test_a_volume_that_cannot_grow_keeps_nothing_else_waiting_and_grows_once_its_class_lets_it(
    kubectl: Kubectl, namespace: str
) -> None:
    rigid = storage_class(f"{namespace}-rigid")
    name = rigid["metadata"]["name"]
    with classes(kubectl, rigid):
        bound(kubectl, namespace, storage={"size": "1Gi", "storageClassName": name})

        larger = {"size": "2Gi", "storageClassName": name}
        kubectl.apply(gateway("a", namespace, storage=larger, image={"repository": "example.com/new", "tag": "2"}))

        message = storage(kubectl, namespace, "VolumeNotExpandable")
        assert f"kubectl patch storageclass {name}" in message
        pod = kubectl.get("deployment", "a-gateway", namespace)["spec"]["template"]["spec"]
        assert pod["containers"][0]["image"] == "example.com/new:2"
        assert request(claim(kubectl, namespace)) == "1Gi"

        let_volumes_grow(kubectl, name)
        eventually(lambda: request(claim(kubectl, namespace)) == "2Gi" or None)
        storage(kubectl, namespace, "VolumeGrowing")


def test_a_size_that_the_storage_driver_cannot_reach_can_be_taken_back(kubectl: Kubectl, namespace: str) -> None:
    grows = storage_class(f"{namespace}-grows", allowVolumeExpansion=True)
    named = {"storageClassName": grows["metadata"]["name"]}
    with classes(kubectl, grows):
        bound(kubectl, namespace, storage={"size": "1Gi", **named})
        eventually(lambda: kubectl.get("tgw", "a", namespace)["status"].get("volumeSize") == "1Gi" or None)
        kubectl.apply(gateway("a", namespace, storage={"size": "90Gi", **named}))
        eventually(lambda: request(claim(kubectl, namespace)) == "90Gi" or None)
        given_up = json.dumps({"status": {"allocatedResourceStatuses": {"storage": "ControllerResizeInfeasible"}}})
        kubectl.run("-n", namespace, "patch", "pvc", CLAIM, "--subresource=status", "--type=merge", "-p", given_up)
        assert "set spec.storage.size back to 1Gi" in storage(kubectl, namespace, "VolumeNotExpandable")

        kubectl.apply(gateway("a", namespace, storage={"size": "2Gi", **named}))
        eventually(lambda: request(claim(kubectl, namespace)) == "2Gi" or None)

        kubectl.apply(gateway("a", namespace, storage={"size": "1Gi", **named}))
        assert "a volume of 1Gi" in storage(kubectl, namespace, "Bound")


def test_a_quota_that_refuses_growth_is_told_in_the_servers_words_and_heals(kubectl: Kubectl, namespace: str) -> None:
    grows = storage_class(f"{namespace}-grows", allowVolumeExpansion=True)
    named = {"storageClassName": grows["metadata"]["name"]}
    with classes(kubectl, grows):
        bound(kubectl, namespace, storage={"size": "1Gi", **named})
        kubectl.run("-n", namespace, "create", "quota", "small", "--hard=requests.storage=1Gi")
        quota = eventually(lambda: kubectl.get("quota", "small", namespace)["status"].get("used"))
        assert quota == {"requests.storage": "1Gi"}

        kubectl.apply(gateway("a", namespace, storage={"size": "2Gi", **named}, logLevel="debug"))

        assert "exceeded quota: small" in storage(kubectl, namespace, "VolumeGrowthRefused")
        kubectl.run("-n", namespace, "delete", "quota", "small")
        eventually(lambda: request(claim(kubectl, namespace)) == "2Gi" or None, seconds=90)


def test_a_class_that_does_not_exist_is_named_with_those_that_do_and_heals(kubectl: Kubectl, namespace: str) -> None:
    missing = f"{namespace}-missing"
    kubectl.apply(gateway("a", namespace, storage={"storageClassName": missing}))

    message = storage(kubectl, namespace, "StorageClassMissing")
    assert f'StorageClass "{missing}" does not exist' in message
    assert "standard (default)" in message

    with classes(kubectl, storage_class(missing)):
        assert "makes no volumes" in storage(kubectl, namespace, "VolumePending")
        kubectl.apply(volume(namespace, class_name=missing))
        storage(kubectl, namespace, "Bound")


def test_a_cluster_without_a_default_class_is_named_and_heals_when_it_gets_one(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl.run("delete", "storageclass", "standard")
    try:
        kubectl.apply(gateway("a", namespace))
        assert "is-default-class" in storage(kubectl, namespace, "NoDefaultStorageClass")
    finally:
        kubectl.apply(STORAGE_CLASS)
    storage(kubectl, namespace, "WaitingForFirstConsumer")


def test_ready_names_the_storage_that_pods_wait_for(kubectl: Kubectl, namespace: str) -> None:
    api_key(kubectl, namespace)
    kubectl.apply(gateway("a", namespace, storage={"storageClassName": f"{namespace}-missing"}))

    def ready() -> str | None:
        found = condition(kubectl.get("tgw", "a", namespace), "Ready")
        return str(found["message"]) if found and found["reason"] == "StorageClassMissing" else None

    assert CLAIM in eventually(ready)


def test_a_claim_that_somebody_deletes_is_made_again_and_until_then_nothing_else_waits(
    kubectl: Kubectl, namespace: str
) -> None:
    first = bound(kubectl, namespace)
    hold = json.dumps({"metadata": {"finalizers": ["tenantry.dev/test"]}})
    kubectl.run("-n", namespace, "patch", "pvc", CLAIM, "--type=merge", "-p", hold)
    kubectl.run("-n", namespace, "delete", "pvc", CLAIM, "--wait=false")

    message = storage(kubectl, namespace, "WaitingForDeletion")
    assert f"kubectl patch pv {namespace}-{CLAIM}" in message
    kubectl.apply(gateway("a", namespace, image={"repository": "example.com/new", "tag": "2"}))

    def image() -> str:
        spec = kubectl.get("deployment", "a-gateway", namespace)["spec"]["template"]["spec"]
        return str(spec["containers"][0]["image"])

    eventually(lambda: image() == "example.com/new:2" or None)
    kubectl.run("-n", namespace, "patch", "pvc", CLAIM, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')

    eventually(lambda: claim(kubectl, namespace)["metadata"]["uid"] != first["metadata"]["uid"] or None)
    storage(kubectl, namespace, "WaitingForFirstConsumer")


def test_a_volume_that_is_gone_is_named(kubectl: Kubectl, namespace: str) -> None:
    api_key(kubectl, namespace)
    bound(kubectl, namespace)
    storage(kubectl, namespace, "Bound")
    name = f"{namespace}-{CLAIM}"

    kubectl.run("delete", "pv", name, "--wait=false")
    kubectl.run("patch", "pv", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')

    assert name in storage(kubectl, namespace, "VolumeLost")
    stalled = eventually(lambda: condition(kubectl.get("tgw", "a", namespace), "Stalled"))
    assert stalled["reason"] == "VolumeLost"


def test_what_others_make_of_a_claim_stays(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    grows = storage_class(f"{namespace}-grows", allowVolumeExpansion=True)
    with classes(kubectl, grows):
        bound(kubectl, namespace, storage={"storageClassName": grows["metadata"]["name"]})
        theirs = {
            "metadata": {"annotations": {"theirs": "kept"}, "labels": {"theirs": "kept"}},
            "spec": {"resources": {"requests": {"storage": "3Gi"}}},
        }

        kubectl.run("-n", namespace, "patch", "pvc", CLAIM, "--type=merge", "-p", json.dumps(theirs))

        assert "grows from 1Gi to 3Gi" in storage(kubectl, namespace, "VolumeGrowing")
        operator.rests()
        live = claim(kubectl, namespace)
        assert (request(live), live["metadata"]["annotations"]["theirs"]) == ("3Gi", "kept")
        assert live["metadata"]["labels"]["theirs"] == "kept"


def test_labels_that_somebody_takes_from_an_owned_claim_are_put_back(kubectl: Kubectl, namespace: str) -> None:
    first = bound(kubectl, namespace, deletionPolicy="Delete")

    kubectl.run("-n", namespace, "label", "pvc", CLAIM, "tenantry.dev/gateway-")

    eventually(lambda: claim(kubectl, namespace)["metadata"]["labels"].get("tenantry.dev/gateway") or None)
    assert claim(kubectl, namespace)["metadata"]["uid"] == first["metadata"]["uid"]


def test_a_restart_writes_nothing_of_volumes_that_are_well_kept_or_too_rigid(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    rigid = storage_class(f"{namespace}-rigid")
    name = rigid["metadata"]["name"]
    with classes(kubectl, rigid):
        bound(kubectl, namespace, storage={"size": "1Gi", "storageClassName": name}, deletionPolicy="Delete")
        kubectl.apply(
            gateway("a", namespace, storage={"size": "2Gi", "storageClassName": name}, deletionPolicy="Delete")
        )
        storage(kubectl, namespace, "VolumeNotExpandable")
        settled(kubectl, operator, namespace)
        assert operator.stop() == 0
        before = operator.audited()

        operator.start().settled(keys=len(kubectl.run("get", "tgw", "-A", "-o", "name").split()))

        assert operator.writes(namespace, before) == []


def test_an_operator_that_cannot_see_storage_classes_does_all_else(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    rigid = storage_class(f"{namespace}-rigid")
    named = {"storageClassName": rigid["metadata"]["name"]}
    operator.stop()
    try:
        with classes(kubectl, rigid), without(kubectl, "storageclasses", "list", "watch"):
            operator.start()
            kubectl.apply(gateway("a", namespace, storage={"size": "1Gi", **named}))
            assert "kubectl get storageclass" in storage(kubectl, namespace, "VolumePending")

            kubectl.apply(volume(namespace, class_name=named["storageClassName"]))
            storage(kubectl, namespace, "Bound")
            kubectl.apply(gateway("a", namespace, storage={"size": "2Gi", **named}))

            assert "does not let its volumes grow" in storage(kubectl, namespace, "VolumeNotExpandable")
            let_volumes_grow(kubectl, named["storageClassName"])
            eventually(lambda: request(claim(kubectl, namespace)) == "2Gi" or None, seconds=90)
    finally:
        operator.stop()
        operator.start()


def test_a_claim_that_the_api_server_does_not_let_in_says_why(kubectl: Kubectl, namespace: str) -> None:
    api_key(kubectl, namespace)
    kubectl.run("-n", namespace, "create", "quota", "none", "--hard=persistentvolumeclaims=0")

    kubectl.apply(gateway("a", namespace))

    def refused() -> str | None:
        found = condition(kubectl.get("tgw", "a", namespace), "Reconciling")
        return str(found["message"]) if found else None

    eventually(lambda: "exceeded quota: none" in (refused() or "") or None)
    with pytest.raises(KubectlError, match="not found"):
        kubectl.get("pvc", CLAIM, namespace)


def test_a_claim_of_an_earlier_version_loses_the_label_by_which_argo_cd_may_prune_it(
    kubectl: Kubectl, namespace: str
) -> None:
    instance = "app.kubernetes.io/instance"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": CLAIM, "namespace": namespace, "labels": {**OURS, instance: "a"}}
    earlier = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
    kubectl.run("apply", "--server-side", "--field-manager=tenantry-operator", "-f", "-", stdin=json.dumps(earlier))

    kubectl.apply(gateway("a", namespace))

    eventually(lambda: instance not in claim(kubectl, namespace)["metadata"]["labels"])
    assert claim(kubectl, namespace)["metadata"]["labels"].items() >= OURS.items()
