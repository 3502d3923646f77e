"""docs/disaster.md word for word, where it takes real pods, nodes and volumes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.chat import Chat
from dev.install import SYSTEM_NAMESPACE, read_manifests
from dev.kubectl import Kubectl
from dev.teams import (
    GATEWAYS,
    TEAM_A,
    TEAM_B,
    api_key_secret,
    delete_namespace,
    eventually,
    pods_of,
    token_of,
    with_upstream,
)
from tests.documented import blocks, commands, run
from tests.e2e.conftest import Stage

PAGE = "docs/disaster.md"
TARGET = f"{GATEWAYS}/{TEAM_A.gateway}"
OPERATOR = "deployment/tenantry-operator"
MARKER = "/var/lib/tenantry/marker"
COPY = "the-copy"


@dataclass(frozen=True)
class Shell:
    """Where the page's commands run. Both example teams talk to their agents."""

    cluster: Kubectl
    folder: Path

    @property
    def kubectl(self) -> Path:
        return self.cluster.binary

    @property
    def kubeconfig(self) -> Path:
        return self.cluster.kubeconfig

    def run(self, block: str, **variables: str) -> str:
        return run(block, self, self.folder, **variables)


@pytest.fixture
def shell(kubectl: Kubectl, tmp_path: Path) -> Shell:
    return Shell(kubectl, tmp_path)


def rolled_out(kubectl: Kubectl) -> None:
    kubectl.run("-n", SYSTEM_NAMESPACE, "rollout", "status", OPERATOR, "--timeout=120s")


def holder(kubectl: Kubectl) -> str:
    return str(kubectl.get("lease", "tenantry-operator", SYSTEM_NAMESPACE)["spec"].get("holderIdentity") or "")


def operators(kubectl: Kubectl) -> list[dict[str, Any]]:
    return kubectl.items("pods", SYSTEM_NAMESPACE, "app.kubernetes.io/name=tenantry-operator")


def follows(kubectl: Kubectl, log_level: str) -> bool:
    """Whether an operator follows a change of team B, which a running gateway takes without a restart."""
    patch = f'{{"spec":{{"logLevel":"{log_level}"}}}}'
    kubectl.run("-n", TEAM_B.namespace, "patch", GATEWAYS, TEAM_B.gateway, "--type=merge", "-p", patch)

    def seen() -> bool:
        live = kubectl.get(GATEWAYS, TEAM_B.gateway, TEAM_B.namespace)
        return bool(live["status"].get("observedGeneration") == live["metadata"]["generation"])

    return eventually(seen, 60, "the operator has seen the change")


def conditions(kubectl: Kubectl) -> dict[str, dict[str, str]]:
    """Team A's, by type."""
    found = kubectl.get(GATEWAYS, TEAM_A.gateway, TEAM_A.namespace)["status"]["conditions"]
    return {one["type"]: one for one in found}


def in_pod(kubectl: Kubectl, code: str) -> str:
    """What Python says in team A's container."""
    name = pods_of(kubectl, TEAM_A)[0][0]
    return kubectl.run("-n", TEAM_A.namespace, "exec", name, "-c", "gateway", "--", "python", "-c", code).strip()


def test_leadership_moves_as_the_page_says(shell: Shell, kubectl: Kubectl) -> None:
    ask, move = commands(PAGE, "Move leadership")[0].splitlines()
    before = eventually(lambda: shell.run(ask), 30, "there is a leader")

    shell.run(move.replace("NAME", before.split("_")[0]))

    eventually(lambda: holder(kubectl) not in {"", before}, 30, "another operator leads")
    assert follows(kubectl, "debug")
    rolled_out(kubectl)


def test_the_operator_stops_and_restarts_under_tenants_that_run_on(shell: Shell, kubectl: Kubectl) -> None:
    before = {team: pods_of(kubectl, team) for team in (TEAM_A, TEAM_B)}
    stop, start = commands(PAGE, "Stop the operator")[0].splitlines()
    (restart,) = commands(PAGE, "etcd was restored from an old backup")

    shell.run(stop)
    eventually(lambda: not operators(kubectl), 60, "no operator runs")
    with kubectl.port_forward(TEAM_A.namespace, f"service/{TEAM_A.gateway}-gateway", 18789) as url:
        chat = Chat(url, token_of(kubectl, TEAM_A))
        assert chat.send("Still there?", channel="webchat", senderId="visitor").status == 200
    shell.run(start)
    rolled_out(kubectl)
    assert follows(kubectl, "info")

    shell.run(restart)
    rolled_out(kubectl)
    assert follows(kubectl, "debug")
    assert {team: pods_of(kubectl, team) for team in before} == before


def test_a_quota_that_is_too_small_is_told_of_and_is_healed(shell: Shell, kubectl: Kubectl) -> None:
    describe, find = commands(PAGE, "Quotas")[0].splitlines()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": TEAM_A.namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    kubectl.apply(quota)
    kubectl.wait("jsonpath={.status.hard.pods}=0", "resourcequota/small", TEAM_A.namespace)
    assert "pods" in shell.run(describe)
    with kubectl.port_forward(TEAM_A.namespace, f"service/{TEAM_A.gateway}-gateway", 18789) as url:
        chat = Chat(url, token_of(kubectl, TEAM_A))
        assert chat.send("Are you there?", channel="webchat", senderId="visitor").status == 200

    kubectl.run("-n", TEAM_A.namespace, "delete", "pod", "-l", f"tenantry.dev/gateway={TEAM_A.gateway}")
    eventually(lambda: "ReplicaFailure" in kubectl.run("get", "tgw", "-A"), 60, "the Gateway says so")
    assert TEAM_A.namespace in shell.run(find)
    assert "exceeded quota" in conditions(kubectl)["Ready"]["message"]

    kubectl.run("-n", TEAM_A.namespace, "delete", "resourcequota", "small")
    kubectl.wait("condition=Ready", TARGET, TEAM_A.namespace)


@pytest.fixture
def node(kubectl: Kubectl) -> Iterator[str]:
    """The cluster's node, which takes pods again afterwards."""
    (found,) = kubectl.items("nodes", "default")
    name = found["metadata"]["name"]
    yield name
    kubectl.run("uncordon", name)
    rolled_out(kubectl)


def test_a_drain_takes_gateways_and_leaves_an_operator(shell: Shell, kubectl: Kubectl, node: str) -> None:
    """On the only node the second operator may never go, since the first has nowhere to be."""
    before = pods_of(kubectl, TEAM_A)
    drain = commands(PAGE, "Drain a node")[0].strip().replace("NODE", node)

    said = shell.run(f"{drain} --timeout=30s 2>&1 || true")

    assert "violate the pod's disruption budget" in said
    assert [one for one in operators(kubectl) if one["status"]["phase"] == "Running"]
    assert {uid for _, uid, _ in pods_of(kubectl, TEAM_A)}.isdisjoint({uid for _, uid, _ in before})
    kubectl.wait("condition=Ready=false", TARGET, TEAM_A.namespace)

    kubectl.run("uncordon", node)
    kubectl.run("-n", "anthropic-standin", "rollout", "status", "deployment/anthropic-standin", "--timeout=120s")
    kubectl.wait("condition=Ready", TARGET, TEAM_A.namespace)


@pytest.fixture
def volumes(kubectl: Kubectl) -> Iterator[None]:
    """Volumes that outlive their claims are removed."""
    yield
    for each in kubectl.items("pv", "default"):
        claim = each["spec"].get("claimRef", {})
        if claim.get("namespace") == TEAM_A.namespace:
            kubectl.run("delete", "pv", each["metadata"]["name"], "--wait=false")


def a_copy_of_the_volume(kubectl: Kubectl) -> dict[str, Any]:
    """Another PersistentVolume with what the claim's has."""
    claim = kubectl.get("pvc", f"{TEAM_A.gateway}-state", TEAM_A.namespace)
    spec = kubectl.get("pv", claim["spec"]["volumeName"], "default")["spec"]
    spec = {name: value for name, value in spec.items() if name != "claimRef"}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": COPY}, "spec": spec}


@pytest.mark.usefixtures("volumes")
def test_a_tenant_moves_with_its_conversations_and_its_token(stage: Stage, shell: Shell, kubectl: Kubectl) -> None:
    """Where the other cluster is this one, without anything of the tenant."""
    token = token_of(kubectl, TEAM_A)
    in_pod(kubectl, f"open({MARKER!r}, 'w').write('kept')")
    _, keep = commands(PAGE, "What to keep outside the cluster")
    shell.run(keep)
    shell.run(commands(PAGE, "To another cluster")[0])
    copy = a_copy_of_the_volume(kubectl)
    assert pods_of(kubectl, TEAM_A) == []
    delete_namespace(kubectl, TEAM_A.namespace)

    namespace, *tenant = (with_upstream(manifest, stage.upstream) for manifest in read_manifests(TEAM_A.file))
    kubectl.apply(copy, namespace, api_key_secret(TEAM_A.namespace, stage.upstream.api_key))
    kubectl.apply(*map(yaml.safe_load, blocks(PAGE, "To another cluster", "yaml")))
    shell.run(commands(PAGE, "The token is kept")[0], TOKEN=token)
    kubectl.apply(*tenant)

    kubectl.wait("condition=Ready", TARGET, TEAM_A.namespace)
    assert in_pod(kubectl, f"print(open({MARKER!r}).read())") == "kept"
    with kubectl.port_forward(TEAM_A.namespace, f"service/{TEAM_A.gateway}-gateway", 18789) as url:
        assert Chat(url, token).send("Here again.", channel="webchat", senderId="visitor").status == 200
