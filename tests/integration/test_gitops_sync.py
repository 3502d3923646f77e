"""Everything of examples/argocd, applied and compared by Argo CD's own code through all that becomes of tenants."""

import base64
import json
import threading
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml

from dev import charts
from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tests.integration.gitops_harness import EXAMPLES, Argo, health
from tests.integration.operator_harness import (
    STORAGE_CLASS,
    SYSTEM,
    Manifest,
    Operator,
    Pods,
    binding,
    condition,
    eventually,
    gateway,
)
from tests.integration.own_control_plane import account, control_plane, kubectl, operator

__all__ = ["account", "control_plane", "kubectl", "operator"]

CHILDREN = "deployments,services,configmaps,secrets,serviceaccounts,networkpolicies,persistentvolumeclaims"


@pytest.fixture(scope="module")
def platform(control_plane: ControlPlane, kubectl: Kubectl) -> list[tuple[Argo, list[Manifest]]]:
    """The Applications of the definitions and of the operator, synced, with what Git holds for each."""
    kubectl.run("create", "namespace", SYSTEM)
    kubectl.apply(STORAGE_CLASS)
    values = yaml.safe_load((EXAMPLES / "apps/operator.yaml").read_text())["spec"]["source"]["helm"]["valuesObject"]
    argo = Argo(control_plane.kubeconfig)
    applications = [
        (replace(argo, server_side=True, app="tenantry-crds"), charts.render(charts.DEFINITIONS, {})),
        (replace(argo, app="tenantry-operator"), charts.render(charts.OPERATOR, values)),
    ]
    for application, manifests in applications:
        application.sync(manifests)
    return applications


@pytest.fixture(scope="module")
def installed(kubectl: Kubectl, platform: object) -> Kubectl:
    """The cluster as Argo CD has made it."""
    assert platform
    for name in ("gateways", "agentbindings"):
        kubectl.wait("condition=Established", f"crd/{name}.tenantry.dev", "default", 30)
    return kubectl


@dataclass
class Team:
    """A team's Application, and its Gateway in a cluster where the test plays the kubelet."""

    kubectl: Kubectl
    argo: Argo
    pods: Pods
    namespace: str
    gateway: str

    def git(self, **spec: Any) -> list[Manifest]:
        """What Git holds for the team, with a port on which the test's pods answer."""
        folder = EXAMPLES / "teams" / self.namespace
        found = [each for path in sorted(folder.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())]
        for each in found:
            if each["kind"] == "Gateway":
                each["spec"] |= {"port": self.pods.port, **spec}
        return found

    def live(self) -> Manifest:
        return self.kubectl.get("tgw", self.gateway, self.namespace)

    def comes_up(self, *, replicas: int = 1) -> None:
        """Let every pod become ready, until so many serve what the Gateway says now."""

        def up() -> bool:
            self.pods.config_hash = self.live()["status"].get("configHash", "")
            for pod in self.kubectl.items("pods", self.namespace, f"tenantry.dev/gateway={self.gateway}"):
                if not condition(pod, "Ready"):
                    self.pods.answer_as(pod)
            live = self.live()
            ready = condition(live, "Ready") or {}
            enough = live["status"].get("readyReplicas", 0) >= replicas
            return enough and ready.get("status") == "True" and not condition(live, "Reconciling")

        eventually(up, 60)

    def rotates(self) -> None:
        """Ask for a new token, and have the pods confirm it."""
        annotation = "tenantry.dev/rotate-token=1"
        self.kubectl.run("-n", self.namespace, "annotate", "--overwrite", "tgw", self.gateway, annotation)

        def rotated() -> bool:
            secret = self.kubectl.get("secret", f"{self.gateway}-token", self.namespace)
            self.pods.token_version = base64.b64decode(secret["data"].get("token-version", "")).decode()
            return (condition(self.live(), "TokenRotated") or {}).get("reason") == "InOverlap"

        eventually(rotated)

    def told(self) -> object:
        """What is known of the Gateway, its Deployment and its pods."""
        found = {kind: self.kubectl.items(kind, self.namespace) for kind in ("deployments", "pods")}
        return json.dumps({"gateway": self.live(), **found})

    def children(self) -> dict[str, str]:
        """What the operator has made: name → uid."""
        found = self.kubectl.items(CHILDREN, self.namespace, "app.kubernetes.io/managed-by=tenantry-operator")
        return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["uid"] for each in found}


@pytest.fixture(params=["classic", "server-side"])
def team(request: pytest.FixtureRequest, installed: Kubectl, control_plane: ControlPlane, pods: Pods) -> Team:
    """One whose Application is tracked by label and has the Gateway's name, the worst there is; and one as is usual."""
    if request.param == "classic":
        argo = Argo(control_plane.kubeconfig, tracking="label", app="assistants")
        return Team(installed, argo, pods, "team-a", "assistants")
    argo = Argo(control_plane.kubeconfig, server_side=True, tracking="annotation", app="team-b")
    return Team(installed, argo, pods, "team-b", "helpdesk")


def test_the_charts_are_in_sync_and_definitions_are_never_pruned(
    platform: list[tuple[Argo, list[Manifest]]], kubectl: Kubectl
) -> None:
    for argo, manifests in platform:
        assert argo.drift(manifests) == []

    definitions, _ = platform[0]
    definitions.sync([])
    left = json.loads(kubectl.run("get", "crd", "-o", "json"))["items"]
    assert {each["metadata"].get("deletionTimestamp") for each in left if "tenantry" in each["spec"]["group"]} == {None}


def test_nothing_that_becomes_of_a_tenant_is_out_of_sync_and_nothing_of_it_is_pruned(
    team: Team, operator: Operator
) -> None:
    git = team.git()
    team.argo.sync(git)
    assert team.argo.drift(git) == []
    team.kubectl.run("-n", team.namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    scaled = any(each["kind"] == "HorizontalPodAutoscaler" for each in git)
    team.comes_up(replicas=2 if scaled else 1)
    assert team.argo.drift(git) == []

    made = team.children()
    team.argo.sync(git)
    assert team.children() == made
    assert team.live()["spec"]["replicas"] == (2 if scaled else 1), "the autoscaler's"

    team.rotates()
    assert team.argo.drift(git) == []

    asleep = team.git(suspended=True)
    changed = f"tenantry.dev/Gateway/{team.namespace}/{team.gateway}"
    assert [(one["name"], one["serverSide"]) for one in team.argo.drift(asleep)] == [(changed, False), (changed, True)]
    team.argo.sync(asleep)
    eventually(lambda: health(team.live())[0].argocd == "Suspended", otherwise=team.told)
    assert team.argo.drift(asleep) == []
    team.argo.sync(git)
    team.comes_up(replicas=2 if scaled else 1)

    options = operator.options
    operator.kill()
    operator.options = (*options, "--gateway-image", "tenantry.dev/gateway:next")
    try:
        operator.start()
        eventually(lambda: "next" in json.dumps(team.kubectl.items("deployments", team.namespace)))
        assert team.argo.drift(git) == []
        team.comes_up(replicas=2 if scaled else 1)
        assert team.argo.drift(git) == []
    finally:
        operator.stop()
        operator.options = options
        operator.start()

    assert made.keys() == team.children().keys()


def test_what_git_no_longer_holds_goes_and_the_volume_waits_for_the_gateway_to_come_back(
    team: Team, operator: Operator
) -> None:
    git = team.git()
    team.argo.sync(git)
    claim, key = f"PersistentVolumeClaim/{team.gateway}-state", f"Secret/{team.gateway}-audit"
    uid = eventually(lambda: team.children().get(claim))
    waiting = {claim: uid, key: team.children()[key]}
    kept = [each for each in git if each["kind"] not in {"Gateway", "AgentBinding", "HorizontalPodAutoscaler"}]

    team.argo.sync(kept)
    eventually(lambda: team.children() == waiting)
    assert team.kubectl.items("agentbindings.tenantry.dev", team.namespace) == []
    operator.rests()
    team.argo.sync(kept)
    assert team.children() == waiting

    team.argo.sync(git)
    eventually(lambda: len(team.children()) > 2)
    assert team.children().items() >= waiting.items()


def test_a_wave_waits_until_the_gateway_of_the_one_before_is_healthy(
    control_plane: ControlPlane, installed: Kubectl, operator: Operator, pods: Pods
) -> None:
    assert operator.leads()
    installed.run("create", "namespace", "waves")
    team = Team(installed, Argo(control_plane.kubeconfig, app="waves"), pods, "waves", "a")
    later = binding("b", "waves", "a", "slack")
    later["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "1"}
    sync = threading.Thread(target=team.argo.sync, args=([later, gateway("a", "waves", port=pods.port)],))

    sync.start()
    eventually(lambda: (condition(team.live(), "Ready") or {}).get("reason") == "SecretMissing")
    assert installed.items("agentbindings.tenantry.dev", "waves") == []
    installed.run("-n", "waves", "create", "secret", "generic", "anthropic", "--from-literal=api-key=x")
    team.comes_up()
    sync.join()

    assert installed.items("agentbindings.tenantry.dev", "waves") != []


def test_an_object_of_older_definitions_is_no_less_in_progress(
    installed: Kubectl, operator: Operator, platform: list[tuple[Argo, list[Manifest]]]
) -> None:
    argo, definitions = platform[0]
    older = [json.loads(json.dumps(each)) for each in definitions]
    for each in older:
        del each["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["default"]
    operator.stop()
    try:
        argo.sync(older)
        installed.run("create", "namespace", "older")
        probe = json.dumps(gateway("probe", "older"))
        create = ("create", "--dry-run=server", "-o", "json", "-f", "-")
        eventually(lambda: "observedGeneration" not in installed.run(*create, stdin=probe))
        installed.apply(gateway("a", "older"))
        argo.sync(definitions)
        eventually(lambda: kstatus_of(installed, "a", "older") == "InProgress")
    finally:
        operator.start()

    eventually(lambda: condition(installed.get("tgw", "a", "older"), "Ready"))


def kstatus_of(kubectl: Kubectl, name: str, namespace: str) -> str:
    [said] = health(kubectl.get("tgw", name, namespace))
    return said.kstatus
