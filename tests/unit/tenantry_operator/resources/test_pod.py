from typing import Any

import pytest
from hypothesis import given

from tenantry_operator.resources.image import Image
from tenantry_operator.resources.pod import build_pod_template, unexpanded
from tests.unit.tenantry_operator.objects import gateway
from tests.unit.tenantry_operator.workload_specs import dollars


def template(spec: dict[str, Any] | None = None, pull_policy: str = "IfNotPresent") -> dict[str, Any]:
    return build_pod_template(gateway(spec), Image("image:1", pull_policy))


def pod_spec(spec: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = template(spec)["spec"]
    return found


def container(spec: dict[str, Any] | None = None) -> dict[str, Any]:
    containers: list[dict[str, Any]] = pod_spec(spec)["containers"]
    assert len(containers) == 1
    return containers[0]


def test_the_pod_meets_pod_security_restricted() -> None:
    """Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    pod, gateway_container = pod_spec(), container()

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert gateway_container["securityContext"]["allowPrivilegeEscalation"] is False
    assert gateway_container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {*(key for volume in pod["volumes"] for key in volume)} <= {
        "name",
        "configMap",
        "projected",
        "emptyDir",
        "persistentVolumeClaim",
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"} & set(pod)
    assert not {"privileged", "procMount"} & set(gateway_container["securityContext"])
    assert all("hostPort" not in port for port in gateway_container["ports"])


def test_the_root_file_system_is_read_only_and_what_is_written_is_mounted() -> None:
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container()["volumeMounts"]}

    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
    assert mounts == {
        "/etc/tenantry": True,
        "/run/secrets/tenantry": True,
        "/var/lib/tenantry": False,
        "/tmp": False,  # noqa: S108 - an emptyDir of the pod's own
    }
    assert all("subPath" not in mount for mount in container()["volumeMounts"])


def test_the_pod_has_no_api_token_and_no_service_environment() -> None:
    assert pod_spec()["automountServiceAccountToken"] is False
    assert pod_spec()["enableServiceLinks"] is False


def test_secrets_are_optional_files_and_never_environment_variables() -> None:
    secrets = next(volume for volume in pod_spec()["volumes"] if volume["name"] == "secrets")

    sources = [source["secret"] for source in secrets["projected"]["sources"]]
    assert [(source["name"], source["optional"]) for source in sources] == [
        ("assistants-token", True),
        ("anthropic", True),
        ("assistants-audit", True),
    ]
    assert {item["key"]: item["path"] for source in sources for item in source["items"]} == {
        "token": "GATEWAY_TOKEN",
        "previous-token": "GATEWAY_TOKEN_PREVIOUS",
        "token-version": "GATEWAY_TOKEN_VERSION",
        "api-key": "ANTHROPIC_API_KEY",
        "audit-key": "AUDIT_KEY",
    }
    assert [variable["name"] for variable in container()["env"]] == [
        "CLAWDBOT_CONFIG_PATH",
        "CLAWDBOT_STATE_DIR",
        "TENANTRY_DRAIN_SECONDS",
        "TENANTRY_STANDBY",
    ]
    assert all("valueFrom" not in variable for variable in container()["env"])


def test_of_a_secret_that_the_user_keeps_only_the_token_is_mounted() -> None:
    volumes = pod_spec({"auth": {"tokenSecretRef": {"name": "own", "key": "t"}}})["volumes"]
    (secrets,) = (volume for volume in volumes if volume["name"] == "secrets")

    assert secrets["projected"]["sources"][0]["secret"]["items"] == [{"key": "t", "path": "GATEWAY_TOKEN"}]


@pytest.mark.parametrize(("spec", "grace"), [({}, 120), ({"terminationGracePeriodSeconds": 30}, 30)])
def test_requests_in_flight_have_all_but_twenty_seconds_of_the_grace_period(spec: dict[str, Any], grace: int) -> None:
    assert pod_spec(spec)["terminationGracePeriodSeconds"] == grace
    assert {"name": "TENANTRY_DRAIN_SECONDS", "value": str(grace - 20)} in container(spec)["env"]
    assert container(spec)["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


def test_the_port_is_the_gateways_and_probes_name_it() -> None:
    subject = container({"port": 19000})

    assert subject["args"] == ["run", "--bind", "0.0.0.0", "--port", "19000"]  # noqa: S104 - a pod's own address
    assert subject["ports"] == [{"name": "http", "containerPort": 19000, "protocol": "TCP"}]
    paths = {kind: subject[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert paths == {
        "startup": {"path": "/health", "port": "http"},
        "liveness": {"path": "/health", "port": "http"},
        "readiness": {"path": "/ready", "port": "http"},
    }


def test_image_and_pull_policy_are_as_decided_and_pull_secrets_come_from_the_gateway() -> None:
    found = template({"image": {"pullSecrets": [{"name": "registry"}]}}, "Always")["spec"]

    assert (found["containers"][0]["image"], found["containers"][0]["imagePullPolicy"]) == ("image:1", "Always")
    assert found["imagePullSecrets"] == [{"name": "registry"}]
    assert "imagePullSecrets" not in pod_spec()


def test_resources_are_written_as_the_api_server_prints_them() -> None:
    requests = {"cpu": "1000m", "memory": "1024Mi", "ephemeral-storage": 1073741824}
    resources = {"requests": requests, "limits": {"cpu": 2, "memory": "1.5Gi"}}

    assert container({"resources": resources})["resources"] == {
        "requests": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1073741824"},
        "limits": {"cpu": "2", "memory": "1536Mi"},
    }
    assert container()["resources"] == {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}


def test_labels_and_annotations_are_added_and_none_of_ours_is_replaced() -> None:
    plain = template()["metadata"]
    more = template({"podLabels": {"team": "a"}, "podAnnotations": {"example.com/scrape": "no"}})["metadata"]

    assert more == {"labels": {**plain["labels"], "team": "a"}, "annotations": {"example.com/scrape": "no"}}
    assert "annotations" not in plain


def test_nothing_of_scheduling_is_said_where_the_gateway_says_nothing() -> None:
    said = {"nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName"}
    empty: dict[str, Any] = {
        "affinity": {"nodeAffinity": {}, "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}
    }

    assert not (said | {"runtimeClassName"}) & set(pod_spec())
    assert pod_spec({**empty, "tolerations": [], "nodeSelector": {}}) == pod_spec()


def test_pods_are_spread_by_the_gateways_own_selector_unless_another_is_given() -> None:
    rule = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    other = {**rule, "topologyKey": "zone", "labelSelector": {}}

    first, second = pod_spec({"topologySpreadConstraints": [rule, other]})["topologySpreadConstraints"]

    own = {"app.kubernetes.io/name": "tenantry-gateway", "tenantry.dev/gateway": "assistants"}
    assert first == {**rule, "labelSelector": {"matchLabels": own}}
    assert second == other


def test_what_is_empty_is_left_out_unless_it_means_something() -> None:
    term = {"labelSelector": {"matchLabels": {"role": ""}}, "namespaceSelector": {}, "topologyKey": "z"}
    rules = {"requiredDuringSchedulingIgnoredDuringExecution": [{**term, "namespaces": []}]}
    toleration = {"key": "a", "operator": "Exists", "value": ""}
    found = pod_spec({"affinity": {"podAntiAffinity": rules}, "tolerations": [toleration]})

    assert found["affinity"]["podAntiAffinity"] == {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    assert found["tolerations"] == [{"key": "a", "operator": "Exists"}]


def test_variables_follow_those_that_the_gateway_needs() -> None:
    source = {"secretKeyRef": {"name": "proxy", "key": "url", "optional": True}}
    variables = [
        {"name": "B", "value": "$(A) is 5$"},
        {"name": "A", "valueFrom": source},
        {"name": "C", "value": ""},
    ]

    assert container({"env": variables})["env"][-3:] == [
        {"name": "B", "value": "$$(A) is 5$"},
        {"name": "A", "valueFrom": source},
        {"name": "C"},
    ]


def expanded(text: str) -> str:
    """What the kubelet makes of a variable's value that refers to no variable it knows.

    Source: k8s.io/kubernetes/third_party/forked/golang/expansion.
    """
    result, index = "", 0
    while index < len(text):
        pair = text[index : index + 2]
        if pair == "$$":
            result, index = result + "$", index + 2
        elif pair == "$(" and ")" in text[index:]:
            result, index = result + "EXPANDED", text.index(")", index) + 1
        else:
            result, index = result + text[index], index + 1
    return result


@given(dollars)
def test_the_kubelet_expands_nothing_in_a_variables_value(value: str) -> None:
    assert expanded(unexpanded(value)) == value
