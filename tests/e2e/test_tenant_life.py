"""What becomes of a tenant over its life, on real pods: configured, suspended, deleted, back on the same volume."""

from collections.abc import Iterator

import pytest

from dev.install import SYSTEM_NAMESPACE, Manifest, read_manifests
from dev.kubectl import Kubectl
from dev.teams import (
    GATEWAYS,
    TEAM_A,
    Team,
    api_key_secret,
    delete_namespace,
    eventually,
    pods_of,
    remove_team,
    with_upstream,
)
from tests.e2e.conftest import Stage

TEAM = Team("team-life", "assistants", TEAM_A.file)
TARGET = f"{GATEWAYS}/{TEAM.gateway}"
CLAIM = "assistants-state"
MARKER = "/var/lib/tenantry/marker"


def gateway(stage: Stage, **spec: object) -> Manifest:
    """Team A's Gateway in a namespace of this module's own."""
    manifest = with_upstream(read_manifests(TEAM.file)[1], stage.upstream)
    manifest["metadata"] = {"name": TEAM.gateway, "namespace": TEAM.namespace}
    manifest["spec"] = {**manifest["spec"], **spec}
    return manifest


@pytest.fixture(scope="module")
def life(stage: Stage) -> Iterator[Kubectl]:
    """A namespace under Pod Security `restricted` with a running gateway."""
    remove_team(stage.kubectl, TEAM)
    namespace = read_manifests(TEAM.file)[0]
    namespace["metadata"]["name"] = TEAM.namespace
    stage.kubectl.apply(namespace, api_key_secret(TEAM.namespace, stage.upstream.api_key), gateway(stage))
    stage.kubectl.wait("condition=Ready", TARGET, TEAM.namespace)
    yield stage.kubectl
    remove_team(stage.kubectl, TEAM)
    delete_namespace(stage.kubectl, TEAM.namespace)


def in_pod(kubectl: Kubectl, code: str) -> str:
    """What Python says in the gateway's container."""
    name = pods_of(kubectl, TEAM)[0][0]
    return kubectl.run("-n", TEAM.namespace, "exec", name, "-c", "gateway", "--", "python", "-c", code).strip()


def mark(kubectl: Kubectl, word: str) -> None:
    in_pod(kubectl, f"open({MARKER!r}, 'w').write({word!r})")


def marked(kubectl: Kubectl) -> str:
    return in_pod(kubectl, f"print(open({MARKER!r}).read())")


def condition(kubectl: Kubectl, kind: str) -> dict[str, str]:
    """A condition of the Gateway; empty where it is absent."""
    conditions = kubectl.get(GATEWAYS, TEAM.gateway, TEAM.namespace).get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == kind), {})


def claims(kubectl: Kubectl) -> dict[str, str]:
    """Phase by name."""
    return {each["metadata"]["name"]: each["status"]["phase"] for each in kubectl.items("pvc", TEAM.namespace)}


def no_pods(kubectl: Kubectl) -> bool:
    return not pods_of(kubectl, TEAM)


def test_the_state_directory_is_a_volume_that_the_gateway_may_write(life: Kubectl) -> None:
    mark(life, "kept")

    assert marked(life) == "kept"
    assert claims(life) == {CLAIM: "Bound"}


def test_pod_settings_reach_the_pod(stage: Stage, life: Kubectl) -> None:
    wanted = gateway(
        stage,
        env=[{"name": "TEAM_GREETING", "value": "hello $(HOME)"}],
        podLabels={"cost-center": "4711"},
        podAnnotations={"example.com/owner": "team-life"},
        resources={"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "384Mi"}},
        terminationGracePeriodSeconds=30,
        nodeSelector={"kubernetes.io/os": "linux"},
    )
    life.apply(wanted)
    life.wait("condition=Ready", TARGET, TEAM.namespace)
    labelled = "cost-center=4711,tenantry.dev/gateway=assistants"

    pod = eventually(lambda: next(iter(life.items("pods", TEAM.namespace, labelled)), None), 60, "the new pod is there")
    life.run("-n", TEAM.namespace, "wait", "--for=condition=Ready", f"pod/{pod['metadata']['name']}", "--timeout=60s")

    assert pod["metadata"]["annotations"]["example.com/owner"] == "team-life"
    assert pod["spec"]["terminationGracePeriodSeconds"] == 30
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"memory": "384Mi"}
    eventually(lambda: len(pods_of(life, TEAM)) == 1, 60, "the old pod is gone")
    assert in_pod(life, "import os; print(os.environ['TEAM_GREETING'])") == "hello $(HOME)"
    assert marked(life) == "kept"


def test_a_suspended_gateway_has_no_pods_and_comes_back_with_its_state(stage: Stage, life: Kubectl) -> None:
    life.apply(gateway(stage, suspended=True, terminationGracePeriodSeconds=30))
    eventually(lambda: no_pods(life), 90, "the pods are gone")
    eventually(lambda: condition(life, "Ready").get("reason") == "Suspended", 10, "the status says so")
    assert not condition(life, "Reconciling")
    assert not condition(life, "Stalled")
    assert claims(life) == {CLAIM: "Bound"}

    life.apply(gateway(stage, suspended=False, terminationGracePeriodSeconds=30))
    eventually(lambda: condition(life, "Ready").get("status") == "True", 60, "it is ready again")
    assert marked(life) == "kept"


def test_a_deleted_gateway_leaves_its_volume_to_a_later_one_of_its_name(stage: Stage, life: Kubectl) -> None:
    life.run("-n", TEAM.namespace, "delete", TARGET)
    eventually(lambda: no_pods(life), 90, "the pods are gone")
    assert claims(life) == {CLAIM: "Bound"}

    life.apply(gateway(stage, deletionPolicy="Delete", terminationGracePeriodSeconds=30))
    life.wait("condition=Ready", TARGET, TEAM.namespace)
    assert marked(life) == "kept"

    life.run("-n", TEAM.namespace, "delete", TARGET)
    eventually(lambda: no_pods(life) and not claims(life), 90, "the volume has gone with the Gateway")


def test_a_missing_storage_class_is_named_and_heals(stage: Stage, life: Kubectl) -> None:
    life.apply(gateway(stage, storage={"storageClassName": "fast"}, deletionPolicy="Delete"))
    eventually(lambda: '"fast"' in condition(life, "StorageReady").get("message", ""), 30, "the class is named")

    classes = life.items("storageclasses", "default")
    life.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "fast"},
            **{name: classes[0][name] for name in ("provisioner", "volumeBindingMode")},
        }
    )
    try:
        life.wait("condition=Ready", TARGET, TEAM.namespace)
    finally:
        life.run("delete", "storageclass", "fast")


def test_the_death_of_the_leading_operator_changes_nothing_for_users(stage: Stage, life: Kubectl) -> None:
    def holder() -> str:
        return str(life.get("lease", "tenantry-operator", SYSTEM_NAMESPACE)["spec"].get("holderIdentity") or "")

    leader = eventually(holder, 30, "there is a leader")
    pod = next(
        each["metadata"]["name"]
        for each in life.items("pods", SYSTEM_NAMESPACE, "app.kubernetes.io/name=tenantry-operator")
        if leader.startswith(each["metadata"]["name"])
    )
    life.run("-n", SYSTEM_NAMESPACE, "delete", "pod", pod, "--grace-period=0", "--force")
    life.apply(gateway(stage, storage={"storageClassName": "fast"}, deletionPolicy="Delete", logLevel="debug"))

    eventually(lambda: holder() not in {"", leader}, 60, "another operator leads")
    generation = life.get(GATEWAYS, TEAM.gateway, TEAM.namespace)["metadata"]["generation"]
    eventually(lambda: condition(life, "Ready").get("observedGeneration") == generation, 30, "the change is seen")
    life.wait("condition=Ready", TARGET, TEAM.namespace)
