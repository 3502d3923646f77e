"""What Helm does to the operator, and tenants do not feel, unless their default image is changed on purpose."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from dev.charts import OPERATOR, helm
from dev.chat import Chat
from dev.images.catalog import DEVELOPMENT_TAG
from dev.install import OPERATOR_IMAGE, SYSTEM_NAMESPACE, install_operator
from dev.kubectl import Kubectl
from dev.teams import GATEWAYS, TEAM_A, TEAM_B, Team, eventually, pods_of, token_of
from tests.e2e.conftest import Stage

DEPLOYMENT = "tenantry-operator"


@dataclass(frozen=True)
class Release:
    """The operator's release, with a single replica, so that a rollout takes half the time."""

    kubectl: Kubectl

    def run(self, *arguments: str, stdin: str = "") -> str:
        flags = ("--namespace", SYSTEM_NAMESPACE, "--kubeconfig", str(self.kubectl.kubeconfig))
        return helm(*arguments, *flags, stdin=stdin)

    def upgrade(self, chart: Path, **values: Any) -> str:
        """Helm's notes, once the operator's new pods have taken over; other values stay as they were set."""
        flags = ("--reset-then-reuse-values", "--values", "-")
        said = self.run("upgrade", "--install", "tenantry", str(chart), *flags, stdin=json.dumps(values))
        self.rolled_out()
        return said

    def rolled_out(self) -> None:
        rollout = ("rollout", "status", f"deployment/{DEPLOYMENT}", "--timeout=120s")
        self.kubectl.run("-n", SYSTEM_NAMESPACE, *rollout)

    def operator(self) -> dict[str, Any]:
        """The operator's Deployment."""
        return self.kubectl.get("deployment", DEPLOYMENT, SYSTEM_NAMESPACE)

    def image(self) -> str:
        (container,) = self.operator()["spec"]["template"]["spec"]["containers"]
        return str(container["image"])


@dataclass
class Visitor:
    """Talks to an agent without a pause."""

    chat: Chat
    answers: Counter[int] = field(default_factory=Counter)
    """By status."""
    faults: list[OSError] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _talk(self) -> None:
        while not self._stop.wait(0.05):
            try:
                self.answers[self.chat.send("Still there?", channel="webchat", senderId="visitor").status] += 1
            except OSError as error:
                self.faults.append(error)
                return


@pytest.fixture(scope="module")
def release(stage: Stage, kubectl: Kubectl) -> Iterator[Release]:
    """The release that all modules share, as they expect it again afterwards."""
    yield Release(kubectl)
    install_operator(stage.kubectl, stage.archives)


@pytest.fixture(scope="module")
def operator_tag(release: Release) -> str:
    """The present operator's image, by content."""
    return release.image().removeprefix(f"{OPERATOR_IMAGE}:")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart as an earlier version."""
    folder = tmp_path_factory.mktemp("older")
    helm("package", str(OPERATOR), "--version", "0.0.9", "--app-version", "0.0.9", "--destination", str(folder))
    return folder / "tenantry-0.0.9.tgz"


@pytest.fixture
def visitor(kubectl: Kubectl) -> Iterator[Visitor]:
    target = f"service/{TEAM_A.gateway}-gateway"
    with (
        kubectl.port_forward(TEAM_A.namespace, target, 18789) as url,
        Visitor(Chat(url, token_of(kubectl, TEAM_A))) as running,
    ):
        yield running


def test_upgrade_rollback_uninstall_and_install_again_are_nothing_to_tenants(
    release: Release, operator_tag: str, older: Path, kubectl: Kubectl, visitor: Visitor
) -> None:
    before = all_pods(kubectl)
    release.upgrade(older, replicas=1, image={"tag": DEVELOPMENT_TAG})
    assert release.image() == f"{OPERATOR_IMAGE}:{DEVELOPMENT_TAG}"
    assert acts(kubectl, "debug")

    notes = release.upgrade(OPERATOR, image={"tag": operator_tag})
    assert release.image() == f"{OPERATOR_IMAGE}:{operator_tag}"
    assert "keeps every tenant running" in notes
    assert acts(kubectl, "info")
    assert "Succeeded" in release.run("test", "tenantry", "--timeout", "90s")

    release.run("rollback", "tenantry")
    release.rolled_out()
    assert release.image() == f"{OPERATOR_IMAGE}:{DEVELOPMENT_TAG}"
    assert acts(kubectl, "debug")

    values = release.run("get", "values", "tenantry", "-o", "json")
    release.run("uninstall", "tenantry", "--wait")
    assert kubectl.items("deployments", SYSTEM_NAMESPACE) == []
    asked = sum(visitor.answers.values())
    eventually(lambda: sum(visitor.answers.values()) > asked + 10, 30, "the tenant answers without an operator")

    release.upgrade(OPERATOR, **json.loads(values))
    assert acts(kubectl, "info")

    assert all_pods(kubectl) == before
    assert visitor.faults == []
    assert set(visitor.answers) == {200}


def test_a_default_image_that_does_not_come_up_stops_at_the_first_and_goes_back(
    release: Release, kubectl: Kubectl
) -> None:
    before = all_pods(kubectl)
    release.upgrade(OPERATOR, defaultGatewayImage={"tag": "absent", "pullPolicy": "Never"}, maxRollouts=1)
    waiting = eventually(lambda: pending(kubectl), 60, "a Gateway waits for another")
    (first,) = {TEAM_A, TEAM_B} - {waiting}
    broken = "cannot pull the image tenantry.dev/gateway:absent"
    eventually(lambda: broken in ready(kubectl, first)["message"], 60, "the first one says why it does not come up")
    assert pending(kubectl) == waiting

    release.run("rollback", "tenantry")
    release.rolled_out()
    for team in (TEAM_A, TEAM_B):
        kubectl.wait("condition=Ready", f"{GATEWAYS}/{team.gateway}", team.namespace)
    assert pods_of(kubectl, waiting) == before[waiting]
    assert pods_of(kubectl, first) != before[first]


def all_pods(kubectl: Kubectl) -> dict[Team, list[tuple[str, str, int]]]:
    return {team: pods_of(kubectl, team) for team in (TEAM_A, TEAM_B)}


def acts(kubectl: Kubectl, log_level: str) -> bool:
    """Whether an operator follows a change of a tenant, which a running gateway takes without a restart."""
    patch = json.dumps({"spec": {"logLevel": log_level}})
    kubectl.run("-n", TEAM_B.namespace, "patch", GATEWAYS, TEAM_B.gateway, "--type=merge", "-p", patch)

    def followed() -> bool:
        live = kubectl.get(GATEWAYS, TEAM_B.gateway, TEAM_B.namespace)
        seen: bool = live["status"].get("observedGeneration") == live["metadata"]["generation"]
        return seen

    return eventually(followed, 60, "the operator has seen the change")


def ready(kubectl: Kubectl, team: Team) -> dict[str, str]:
    return condition(kubectl, team, "Ready")


def condition(kubectl: Kubectl, team: Team, kind: str) -> dict[str, str]:
    """A condition of a team's Gateway; empty where it is absent."""
    found = kubectl.get(GATEWAYS, team.gateway, team.namespace)["status"]["conditions"]
    return next((one for one in found if one["type"] == kind), {})


def pending(kubectl: Kubectl) -> Team | None:
    """The one team whose Gateway waits for the rollout; None while none does, or both."""
    waiting = [team for team in (TEAM_A, TEAM_B) if condition(kubectl, team, "RolloutPending")]
    return waiting[0] if len(waiting) == 1 else None
