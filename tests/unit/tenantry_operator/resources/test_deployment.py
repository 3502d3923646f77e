from typing import Any

import pytest

from tenantry_operator.resources.deployment import build_deployment
from tenantry_operator.resources.image import Defaults
from tests.unit.tenantry_operator.objects import DEFAULTS, gateway


def pod_spec(spec: dict[str, Any] | None = None) -> dict[str, Any]:
    manifest = build_deployment(gateway(spec), Defaults("image:1"))
    template: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return template


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
    ]
    assert {item["key"]: item["path"] for source in sources for item in source["items"]} == {
        "token": "GATEWAY_TOKEN",
        "previous-token": "GATEWAY_TOKEN_PREVIOUS",
        "token-version": "GATEWAY_TOKEN_VERSION",
        "api-key": "ANTHROPIC_API_KEY",
    }
    assert [variable["name"] for variable in container()["env"]] == ["CLAWDBOT_CONFIG_PATH", "CLAWDBOT_STATE_DIR"]
    assert all("valueFrom" not in variable for variable in container()["env"])


def test_of_a_secret_that_the_user_keeps_only_the_token_is_mounted() -> None:
    own = gateway({"auth": {"tokenSecretRef": {"name": "own", "key": "t"}}})
    template = build_deployment(own, Defaults("image:1"))["spec"]["template"]
    (secrets,) = (volume for volume in template["spec"]["volumes"] if volume["name"] == "secrets")

    assert secrets["projected"]["sources"][0]["secret"]["items"] == [{"key": "t", "path": "GATEWAY_TOKEN"}]


def test_one_replica_stops_before_its_successor_starts() -> None:
    spec = build_deployment(gateway(), Defaults("image:1"))["spec"]

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_in_flight_requests_have_two_minutes_and_the_endpoint_goes_first() -> None:
    assert pod_spec()["terminationGracePeriodSeconds"] == 120
    assert container()["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


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


def test_pull_policy_and_pull_secrets_come_from_the_gateway() -> None:
    image = {"pullPolicy": "Always", "pullSecrets": [{"name": "registry"}]}

    assert container({"image": image})["imagePullPolicy"] == "Always"
    assert pod_spec({"image": image})["imagePullSecrets"] == [{"name": "registry"}]
    assert container()["imagePullPolicy"] == "IfNotPresent"
    assert "imagePullSecrets" not in pod_spec()


@pytest.mark.parametrize(
    "live",
    [
        {"logLevel": "debug"},
        {"agents": {"main": {"model": "other"}}},
        {"bindings": [{"channel": "*", "agentId": "main"}]},
        {"trustedProxies": ["10.0.0.0/8"]},
        {"rbac": {"enabled": True}},
    ],
)
def test_what_changes_live_does_not_change_the_deployment(live: dict[str, Any]) -> None:
    assert build_deployment(gateway(live), DEFAULTS) == build_deployment(gateway(), DEFAULTS)
