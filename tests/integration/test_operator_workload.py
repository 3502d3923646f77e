"""What a Gateway says of its pods: put into force, left alone while it stays, taken back when it goes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dev.kubectl import Kubectl, KubectlError
from tests.integration.operator_harness import Manifest, Operator, Pods, binding, condition, eventually, gateway

pytestmark = pytest.mark.usefixtures("operator")

SHARED = {"storage": {"accessModes": ["ReadWriteMany"]}}
ZONES = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
OWN = {"matchLabels": {"app.kubernetes.io/name": "tenantry-gateway", "tenantry.dev/gateway": "a"}}
ANTI = {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": OWN, "topologyKey": "host"}]}


def said(kubectl: Kubectl, kind: str, namespace: str, about: str, text: str = "", **wanted: str) -> Manifest:
    """A condition of the object ``a`` once it is as wanted, with the text in its message."""

    def as_wanted() -> Manifest | None:
        found = condition(kubectl.get(kind, "a", namespace), about)
        return found if found and wanted.items() <= found.items() and text in found["message"] else None

    return eventually(as_wanted)


def template(kubectl: Kubectl, namespace: str) -> Manifest:
    found: Manifest = kubectl.get("deployment", "a-gateway", namespace)["spec"]["template"]
    return found


def container(kubectl: Kubectl, namespace: str) -> Manifest:
    found: Manifest = template(kubectl, namespace)["spec"]["containers"][0]
    return found


def of_pod(field: str) -> Callable[[Kubectl, str], Any]:
    return lambda kubectl, namespace: template(kubectl, namespace)["spec"].get(field)


def of_metadata(field: str, key: str) -> Callable[[Kubectl, str], Any]:
    return lambda kubectl, namespace: template(kubectl, namespace)["metadata"].get(field, {}).get(key)


def requests(kubectl: Kubectl, namespace: str) -> Any:
    return container(kubectl, namespace)["resources"]["requests"]


def variables(kubectl: Kubectl, namespace: str) -> Any:
    return [each for each in container(kubectl, namespace)["env"] if each["name"].startswith("MY_")]


def account(kubectl: Kubectl, namespace: str) -> Any:
    meta = kubectl.get("serviceaccount", "a-gateway", namespace)["metadata"]
    return meta.get("annotations", {}).get("example.com/role")


def affinity_of_clients(kubectl: Kubectl, namespace: str) -> Any:
    return kubectl.get("service", "a-gateway", namespace)["spec"]["sessionAffinity"]


def budget(kubectl: Kubectl, namespace: str) -> Any:
    found = kubectl.items("poddisruptionbudgets", namespace, "tenantry.dev/gateway=a")
    return found[0]["spec"]["minAvailable"] if found else None


KEY_REF = {"name": "proxy", "key": "url", "optional": True}
FEATURES: dict[str, tuple[Manifest, Callable[[Kubectl, str], Any], Any, Any]] = {
    "resources": (
        {"resources": {"requests": {"cpu": "1000m", "memory": "0.25Gi"}}},
        requests,
        {"cpu": "1", "memory": "256Mi"},
        {"cpu": "50m", "memory": "128Mi"},
    ),
    "nodeSelector": ({"nodeSelector": {"pool": "a"}}, of_pod("nodeSelector"), {"pool": "a"}, None),
    "tolerations": (
        {"tolerations": [{"key": "gpu", "operator": "Exists", "value": ""}]},
        of_pod("tolerations"),
        [{"key": "gpu", "operator": "Exists"}],
        None,
    ),
    "affinity": (
        {"affinity": {"podAntiAffinity": ANTI, "podAffinity": {}}},
        of_pod("affinity"),
        {"podAntiAffinity": ANTI},
        None,
    ),
    "spread": (
        {"topologySpreadConstraints": [ZONES]},
        of_pod("topologySpreadConstraints"),
        [{**ZONES, "labelSelector": OWN}],
        None,
    ),
    "priorityClassName": (
        {"priorityClassName": "system-node-critical"},
        of_pod("priorityClassName"),
        "system-node-critical",
        None,
    ),
    "runtimeClassName": ({"runtimeClassName": "none"}, of_pod("runtimeClassName"), "none", None),
    "serviceAccount": ({"serviceAccount": {"annotations": {"example.com/role": "x"}}}, account, "x", None),
    "podLabels": ({"podLabels": {"team": ""}}, of_metadata("labels", "team"), "", None),
    "podAnnotations": ({"podAnnotations": {"note": "\u2028 x"}}, of_metadata("annotations", "note"), "\u2028 x", None),
    "env": (
        {
            "env": [
                {"name": "MY_SECRET", "valueFrom": {"secretKeyRef": KEY_REF}},
                {"name": "MY_VALUE", "value": "$(HOME)"},
            ]
        },
        variables,
        [
            {"name": "MY_SECRET", "valueFrom": {"secretKeyRef": KEY_REF}},
            {"name": "MY_VALUE", "value": "$$(HOME)"},
        ],
        [],
    ),
    "grace": ({"terminationGracePeriodSeconds": 60}, of_pod("terminationGracePeriodSeconds"), 60, 120),
    "budget": ({**SHARED, "replicas": 2}, budget, 1, None),
    "clients": ({**SHARED, "replicas": 2}, affinity_of_clients, "ClientIP", "None"),
}


@pytest.mark.parametrize("feature", FEATURES)
def test_a_field_is_put_into_force_left_alone_and_taken_back(
    kubectl: Kubectl, operator: Operator, namespace: str, feature: str
) -> None:
    spec, look, on, off = FEATURES[feature]
    plain = {name: value for name, value in spec.items() if name == "storage"}
    kubectl.apply(gateway("a", namespace, **spec))
    eventually(lambda: look(kubectl, namespace) == on or None)
    kubectl.run("-n", namespace, "annotate", "deployment", "a-gateway", "theirs=kept")
    kubectl.run("-n", namespace, "patch", "deployment", "a-gateway", "-p", THEIRS)

    assert_nothing_is_written_at_the_next_look(kubectl, operator, namespace)

    kubectl.apply(gateway("a", namespace, **plain))
    eventually(lambda: look(kubectl, namespace) == off or None)
    deployment = kubectl.get("deployment", "a-gateway", namespace)
    assert deployment["metadata"]["annotations"]["theirs"] == "kept"
    assert deployment["spec"]["template"]["metadata"]["annotations"]["theirs"] == "kept"
    assert {"name": "THEIRS", "value": "kept"} in container(kubectl, namespace)["env"]


THEIRS = json.dumps(
    {
        "spec": {
            "template": {
                "metadata": {"annotations": {"theirs": "kept"}},
                "spec": {"containers": [{"name": "gateway", "env": [{"name": "THEIRS", "value": "kept"}]}]},
            }
        }
    }
)


def assert_nothing_is_written_at_the_next_look(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    def observed() -> bool:
        live = kubectl.get("deployment", "a-gateway", namespace)
        status = kubectl.get("tgw", "a", namespace).get("status", {})
        seen = live["status"].get("observedGeneration") == live["metadata"]["generation"]
        return seen and status.get("replicas") == live["status"].get("replicas", 0) and operator.idle()

    eventually(lambda: observed() or None)
    before, looks = operator.audited(), operator.metric("tenantry_operator_reconcile_total")
    kubectl.run("-n", namespace, "annotate", "tgw", "a", "look=again")
    eventually(lambda: operator.metric("tenantry_operator_reconcile_total") > looks or None)
    operator.rests()
    written = operator.writes(namespace, before)
    assert [write for write in written if "gateways/status" not in write] == []


def ready_gateway(kubectl: Kubectl, namespace: str, pods: Pods, **spec: Any) -> None:
    """A Gateway with a ready pod that serves its configuration."""
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    kubectl.apply(gateway("a", namespace, port=pods.port, **spec))
    said(kubectl, "tgw", namespace, "ConfigValid", status="True")
    pods.config_hash = kubectl.get("tgw", "a", namespace)["status"]["configHash"]
    pods.run(namespace, "a")
    said(kubectl, "tgw", namespace, "Ready", status="True")


def test_a_suspended_gateway_keeps_everything_but_its_pods_and_comes_back(
    kubectl: Kubectl, namespace: str, pods: Pods
) -> None:
    ready_gateway(kubectl, namespace, pods)
    kubectl.apply(binding("a", namespace, "a", "slack"))
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"]["configHash"] != pods.config_hash or None)
    pods.config_hash = kubectl.get("tgw", "a", namespace)["status"]["configHash"]
    said(kubectl, "tab", namespace, "Programmed", status="True")
    kinds = "configmap,service,serviceaccount,secret,persistentvolumeclaim,networkpolicy,deployment"
    kept = {each["metadata"]["uid"] for each in kubectl.items(kinds, namespace, "tenantry.dev/gateway=a")}

    kubectl.run("-n", namespace, "patch", "tgw", "a", "--type=merge", "-p", '{"spec":{"suspended":true}}')

    told = said(kubectl, "tgw", namespace, "Ready", "spec.suspended", status="False", reason="Suspended")
    assert f"kubectl -n {namespace} patch tgw a" in told["message"]
    said(kubectl, "tab", namespace, "Programmed", status="False", reason="GatewaySuspended")

    def at_rest() -> bool:
        live = kubectl.get("tgw", "a", namespace)
        return condition(live, "Reconciling") is None and condition(live, "Stalled") is None

    eventually(lambda: at_rest() or None)
    assert kubectl.items("pods", namespace, "tenantry.dev/gateway=a") == []
    assert kept == {each["metadata"]["uid"] for each in kubectl.items(kinds, namespace, "tenantry.dev/gateway=a")}

    kubectl.run("-n", namespace, "patch", "tgw", "a", "--type=merge", "-p", '{"spec":{"suspended":false}}')
    said(kubectl, "tgw", namespace, "Reconciling", status="True")
    pods.run(namespace, "a")
    said(kubectl, "tgw", namespace, "Ready", status="True")
    said(kubectl, "tab", namespace, "Programmed", status="True")


def test_replicas_are_set_through_the_scale_subresource_and_never_written_by_the_operator(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl.apply(gateway("a", namespace, **SHARED))
    eventually(lambda: kubectl.get("tgw", "a", namespace).get("status", {}).get("replicas") == 1 or None)
    (first,) = kubectl.items("pods", namespace, "tenantry.dev/gateway=a")

    kubectl.run("-n", namespace, "scale", "tgw", "a", "--replicas=2")

    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"]["replicas"] == 2 or None)
    path = f"/apis/tenantry.dev/v1alpha1/namespaces/{namespace}/gateways/a/scale"
    scale = json.loads(kubectl.run("get", "--raw", path))
    assert scale["status"]["replicas"] == 2
    assert scale["status"]["selector"] == "app.kubernetes.io/name=tenantry-gateway,tenantry.dev/gateway=a"
    pods = kubectl.items("pods", namespace, "tenantry.dev/gateway=a")
    assert len(pods) == 2
    assert first["metadata"]["uid"] in {pod["metadata"]["uid"] for pod in pods}, "the pod that served was replaced"
    kubectl.run("-n", namespace, "scale", "tgw", "a", "--replicas=0")
    said(kubectl, "tgw", namespace, "Ready", "spec.replicas", status="False", reason="Suspended")
    assert not [write for write in operator.writes(namespace) if write.split()[1] == "gateways/"]


def test_a_second_replica_on_a_volume_of_one_node_is_refused(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))

    with pytest.raises(KubectlError, match=r"set storage.accessModes to \[ReadWriteMany\], or replicas to 1"):
        kubectl.run("-n", namespace, "scale", "tgw", "a", "--replicas=2")


def test_a_variables_missing_secret_is_named_with_its_remedy_unless_it_is_optional(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    reference = {"name": "proxy", "key": "url"}
    needed = {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": reference}}
    spared = {"name": "NO_PROXY", "valueFrom": {"secretKeyRef": {**reference, "name": "none", "optional": True}}}
    kubectl.apply(gateway("a", namespace, env=[needed, spared]))

    text = "proxy (variable HTTPS_PROXY, spec.env[0].valueFrom.secretKeyRef) does not exist"
    missing = said(kubectl, "tgw", namespace, "SecretsAvailable", text, status="False", reason="SecretMissing")
    assert "none" not in missing["message"]
    assert "create secret generic proxy --from-literal=url=VALUE" in missing["message"]

    kubectl.run("-n", namespace, "create", "secret", "generic", "proxy", "--from-literal=url=http://p")
    said(kubectl, "tgw", namespace, "SecretsAvailable", status="True")


LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "small"},
    "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
}
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"requests.cpu": "1m"}},
}
CAUSES: dict[str, tuple[list[Manifest], Manifest, str]] = {
    "quota": ([QUOTA], {}, "lower spec.resources or spec.replicas"),
    "limits": ([LIMITS], {}, "change spec.resources to what the namespace allows"),
    "priority": ([], {"priorityClassName": "absent"}, "correct spec.priorityClassName"),
    "runtime": ([], {"runtimeClassName": "absent"}, "correct spec.runtimeClassName"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_what_keeps_the_pods_from_being_made_is_named_in_ready(kubectl: Kubectl, namespace: str, cause: str) -> None:
    objects, spec, text = CAUSES[cause]
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    for each in objects:
        kubectl.apply({**each, "metadata": {**each["metadata"], "namespace": namespace}})

    kubectl.apply(gateway("a", namespace, **spec))

    said(kubectl, "tgw", namespace, "Ready", text, status="False", reason="ReplicaFailure")
    said(kubectl, "tgw", namespace, "Reconciling", text, status="True", reason="ReplicaFailure")


def test_pods_that_find_no_node_are_explained_with_the_fields_that_narrow_the_choice(
    kubectl: Kubectl, namespace: str, pods: Pods
) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    kubectl.apply(gateway("a", namespace, nodeSelector={"pool": "gpu"}))
    name = pods.run(namespace, "a")["metadata"]["name"]
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes fit."}
    ready = {"type": "Ready", "status": "False"}

    patch = json.dumps({"status": {"conditions": [unscheduled, ready]}})
    kubectl.run("-n", namespace, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)

    said(kubectl, "tgw", namespace, "Ready", "0/3 nodes fit. Fix: change spec.nodeSelector or resources.requests")
