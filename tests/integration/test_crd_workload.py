"""What a Gateway may say of its pods: accepted as Kubernetes accepts it, refused with the field's path and a remedy."""

from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tenantry_operator.kube.kinds import GATEWAY
from tests.integration.dry_run import DryRun
from tests.integration.operator_harness import gateway


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, installed: Kubectl) -> Iterator[DryRun]:  # noqa: ARG001 - the definitions
    with DryRun(control_plane.kubeconfig) as connection:
        yield connection


def term(**more: Any) -> dict[str, Any]:
    pods = {"labelSelector": {"matchLabels": {"a": "b"}}, "topologyKey": "zone", **more}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [pods]}}


def nodes(**requirement: Any) -> dict[str, Any]:
    terms = [{"matchExpressions": [{"key": "pool", **requirement}]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def spread(**more: Any) -> list[dict[str, Any]]:
    return [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", **more}]


def variable(name: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name, **(more or {"value": "x"})}]


SECRET = {"secretKeyRef": {"name": "a", "key": "b"}}
BOTH = {**SECRET, "configMapKeyRef": {"name": "a", "key": "b"}}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"replicas": 11}, "spec.replicas", "less than or equal to 10"),
    ({"replicas": 2}, "spec.replicas", "set storage.accessModes to [ReadWriteMany], or replicas to 1"),
    (
        {"resources": {"requests": {"memory": "1Gi"}}},
        "spec.resources.requests.memory",
        "must not be above limits.memory",
    ),
    ({"resources": {"limits": {"cpu": "10m"}}}, "spec.resources.requests.cpu", "where you leave one out, its default"),
    ({"resources": {"limits": {"memory": "0.3Gi"}}}, "spec.resources.limits.memory", "should match"),
    ({"resources": {"limits": {"memory": "512mb"}}}, "spec.resources.limits.memory", "should match"),
    ({"resources": {"limits": {"cpu": -1}}}, "spec.resources.limits.cpu", "greater than or equal to 0"),
    ({"resources": {"limits": {"nvidia.com/gpu": 1}}}, "spec.resources.limits.nvidia.com/gpu", "unknown field"),
    ({"nodeSelector": {"beta.kubernetes.io/os": "linux"}}, "spec.nodeSelector", "deprecated: use kubernetes.io/arch"),
    ({"nodeSelector": {"a b": "c"}}, "spec.nodeSelector", "a key must have at most 63 letters"),
    ({"nodeSelector": {"a": "b c"}}, "spec.nodeSelector.a", "should match"),
    ({"tolerations": [{"value": "x"}]}, "spec.tolerations[0].operator", "operator must be Exists"),
    (
        {"tolerations": [{"key": "a", "operator": "Exists", "value": "x"}]},
        "spec.tolerations[0].value",
        "set operator to Equal",
    ),
    (
        {"tolerations": [{"key": "a", "tolerationSeconds": 1}]},
        "spec.tolerations[0].effect",
        "needs the effect NoExecute",
    ),
    ({"tolerations": [{"key": "a", "operator": "Gt"}]}, "spec.tolerations[0].operator", "Unsupported value"),
    ({"affinity": nodes(operator="In")}, "matchExpressions[0]", "In and NotIn need values"),
    ({"affinity": nodes(operator="Gt", values=["a"])}, "matchExpressions[0]", "Gt and Lt one whole number"),
    ({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}}, "Terms", "Required value"),
    ({"affinity": term(labelSelector=None)}, "labelSelector", "Required value"),
    ({"affinity": term(matchLabelKeys=["a"])}, "podAffinity", "a labelSelector that does not ask about these labels"),
    ({"affinity": term(namespaces=["Team"])}, "namespaces[0]", "should match"),
    ({"topologySpreadConstraints": spread(minDomains=2)}, "[0].minDomains", "whenUnsatisfiable: DoNotSchedule"),
    ({"topologySpreadConstraints": spread(maxSkew=0)}, "[0].maxSkew", "greater than or equal to 1"),
    (
        {"topologySpreadConstraints": spread(matchLabelKeys=["tenantry.dev/gateway"])},
        "[0].matchLabelKeys",
        "own selector",
    ),
    ({"topologySpreadConstraints": spread() * 2}, "spec.topologySpreadConstraints[1]", "Duplicate value"),
    ({"priorityClassName": "Team_High"}, "spec.priorityClassName", "should match"),
    ({"podLabels": {"app.kubernetes.io/name": "x"}}, "spec.podLabels", "use a prefix of your own"),
    ({"podLabels": {"x.tenantry.dev/y": "x"}}, "spec.podLabels", "use a prefix of your own"),
    ({"podLabels": {"pod-template-hash": "x"}}, "spec.podLabels", "use a prefix of your own"),
    ({"podAnnotations": {"tenantry.dev/refresh": "x"}}, "spec.podAnnotations", "use the fields of spec"),
    ({"podAnnotations": {"a.tenantry.dev/refresh": "x"}}, "spec.podAnnotations", "use the fields of spec"),
    (
        {"podAnnotations": {"container.apparmor.security.beta.kubernetes.io/gateway": "unconfined"}},
        "spec.podAnnotations",
        "use the fields of spec",
    ),
    ({"podAnnotations": {"kubernetes.io/config.mirror": "x"}}, "spec.podAnnotations", "use the fields of spec"),
    (
        {"serviceAccount": {"annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}}},
        "spec.serviceAccount.annotations",
        "deprecated: remove it",
    ),
    ({"env": variable("A") * 2}, "spec.env[1]", "Duplicate value"),
    ({"env": variable("A-B")}, "spec.env[0].name", "should match"),
    ({"env": variable("A", value="x", valueFrom=SECRET)}, "spec.env[0]", "set either value or valueFrom"),
    ({"env": variable("A", valueFrom={})}, "spec.env[0].valueFrom", "set either secretKeyRef or configMapKeyRef"),
    ({"env": variable("A", valueFrom=BOTH)}, "spec.env[0].valueFrom", "set either secretKeyRef or configMapKeyRef"),
    ({"terminationGracePeriodSeconds": 29}, "spec.terminationGracePeriodSeconds", "greater than or equal to 30"),
    *(
        ({"env": variable(name)}, "spec.env[0].name", "this variable is reserved")
        for name in (
            *(
                "CLAWDBOT_STATE_DIR",
                "GATEWAY_TOKEN",
                "GATEWAY_TOKEN_PREVIOUS",
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_BASE_URL",
            ),
            *("ANTHROPIC_AUTH_TOKEN", "LOG_LEVEL", "HOME", "PATH", "PYTHONPATH", "LD_PRELOAD", "TENANTRY_SECRETS_DIR"),
            *("KUBERNETES_SERVICE_HOST", "OPENSSL_CONF", "GLIBC_TUNABLES"),
        )
    ),
]


@pytest.mark.parametrize(("spec", "field", "message"), REFUSED)
def test_what_kubernetes_would_refuse_or_warn_of_is_refused_with_path_and_remedy(
    api: DryRun, spec: dict[str, Any], field: str, message: str
) -> None:
    answer = api.create(GATEWAY, gateway("a", "default", **spec))

    assert not answer.accepted
    assert field in answer.message
    assert message in answer.message


@pytest.mark.parametrize(
    "spec",
    [
        {"resources": {"requests": {"cpu": 1, "memory": 134217728}, "limits": {"cpu": "1000m"}}},
        {"resources": {"limits": {"memory": "1.5Gi", "ephemeral-storage": "1G"}}},
        {"tolerations": [{"operator": "Exists"}]},
        {"affinity": {}, "topologySpreadConstraints": spread(), "nodeSelector": {}},
        {"affinity": nodes(operator="Gt", values=["3"])},
        {
            "podAnnotations": {
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
                "sidecar.istio.io/inject": "false",
            }
        },
        {"env": [*variable("HTTPS_PROXY"), *variable("PATHS"), *variable("HOME_PAGE"), *variable("A", value="")]},
        {"replicas": 10, "storage": {"accessModes": ["ReadWriteMany"]}},
        {"replicas": 0, "suspended": True},
    ],
)
def test_what_kubernetes_takes_is_accepted(api: DryRun, spec: dict[str, Any]) -> None:
    answer = api.create(GATEWAY, gateway("a", "default", **spec))

    assert answer.accepted, answer.message


def test_every_limit_at_once_is_within_the_api_servers_cost_limits(api: DryRun) -> None:
    labels = {f"{index:0>60}": "v" * 63 for index in range(16)}
    selector = {
        "matchLabels": labels,
        "matchExpressions": [{"key": f"k{index}", "operator": "In", "values": ["v" * 63] * 8} for index in range(8)],
    }
    pods = {"labelSelector": selector, "namespaceSelector": selector, "topologyKey": "zone", "matchLabelKeys": ["x"]}
    both = {
        "requiredDuringSchedulingIgnoredDuringExecution": [pods] * 8,
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": pods}] * 8,
    }
    spec = {
        "affinity": {"podAffinity": both, "podAntiAffinity": both},
        "nodeSelector": {f"{index:0>60}": "v" * 63 for index in range(32)},
        "podLabels": {f"{index:0>60}": "v" * 63 for index in range(32)},
        "podAnnotations": {f"{index:0>60}": "v" * 2048 for index in range(24)},
        "env": [{"name": f"V{index}", "value": "v" * 8192} for index in range(64)],
    }

    answer = api.create(GATEWAY, gateway("a", "default", **spec))

    assert answer.accepted, answer.message
