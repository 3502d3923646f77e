"""The operator behind a proxy that injects faults, in place of the one that the other tests share."""

import itertools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tests.integration.fault_proxy import FaultProxy
from tests.integration.operator_harness import Manifest, Operator, condition, eventually, gateway

KINDS = "configmap,deployment,networkpolicy,persistentvolumeclaim,poddisruptionbudget,secret,service,serviceaccount"
"""What a Gateway can have everywhere."""
_NUMBERS = itertools.count(1)


@dataclass(slots=True)
class Trouble:
    """What a test of the operator under trouble needs."""

    operator: Operator
    proxy: FaultProxy
    kubectl: Kubectl

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The operator's process, which may have ended."""
        assert self.operator.process is not None
        return self.operator.process

    def log_since(self, mark: int) -> str:
        """The operator's log after ``mark``, a length from before."""
        return self.operator.log.read_text()[mark:]

    @property
    def mark(self) -> int:
        """How much the operator has logged."""
        return len(self.operator.log.read_text())

    def restart(self) -> None:
        """Start it again after it has ended by itself."""
        self.operator.kill()
        self.operator.start()

    def config(self, namespace: str, name: str = "a") -> str:
        """A gateway's configuration, as it is in the cluster."""
        return str(self.kubectl.get("configmap", f"{name}-gateway", namespace)["data"]["config.yaml"])

    def create(self, namespace: str, *names: str) -> None:
        """Gateways with their API key; returns when all their objects are there and told of."""
        self.ask_for(namespace, *names)
        for name in names:
            self.told(namespace, name)

    def ask_for(self, namespace: str, *names: str, **spec: Any) -> None:
        """Gateways with their API key; does not wait."""
        key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "anthropic", "namespace": namespace}}
        self.kubectl.apply(
            {**key, "stringData": {"api-key": "x"}}, *(gateway(name, namespace, **spec) for name in names)
        )

    def is_told(self, namespace: str, name: str = "a") -> Manifest | None:
        """A Gateway if its status tells of its latest specification and of pods to come."""
        live = self.kubectl.get("tgw", name, namespace)
        status = live.get("status", {})
        seen = status.get("observedGeneration") == live["metadata"]["generation"]
        return live if seen and status.get("replicas") and condition(live, "Ready") else None

    def told(self, namespace: str, name: str = "a") -> Manifest:
        """A Gateway once that is so."""
        return eventually(lambda: self.is_told(namespace, name))

    def complete(self, namespace: str, name: str = "a", seconds: float = 60.0) -> list[tuple[str, str]]:
        """Kind and name (without the Gateway's) of a Gateway's objects, once all are there and no trouble is told."""

        def objects() -> list[tuple[str, str]] | None:
            live = self.kubectl.get("tgw", name, namespace)
            found = self.kubectl.items(KINDS, namespace, f"tenantry.dev/gateway={name}")
            uids = {owner["uid"] for each in found for owner in each["metadata"].get("ownerReferences", ())}
            settled = live.get("status", {}).get("replicas") and not condition(live, "Stalled")
            named = sorted((each["kind"], each["metadata"]["name"].removeprefix(name)) for each in found)
            whole = (
                settled and uids == {live["metadata"]["uid"]} and {"Deployment", "Secret"} <= {one for one, _ in named}
            )
            return named if whole else None

        return eventually(objects, seconds)

    def works(self, namespace: str, name: str = "a", seconds: float = 30.0) -> None:
        """See that the operator does its work: an edit of its object is put right, a change of the Gateway followed."""
        model = f"claude-{next(_NUMBERS)}"
        edit = '{"data": {"config.yaml": "edited"}}'
        self.kubectl.run("-n", namespace, "patch", "configmap", f"{name}-gateway", "--type=merge", "-p", edit)
        eventually(lambda: self.config(namespace, name) != "edited" or None, seconds)
        self.kubectl.apply(gateway(name, namespace, agents={"main": {"model": model}}))
        eventually(lambda: model in self.config(namespace, name) or None, seconds)


@pytest.fixture(scope="module")
def trouble(
    operator: Operator,
    control_plane: ControlPlane,
    installed: Kubectl,
    account: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Trouble]:
    """An operator behind a proxy, with the module's ``OPTIONS``; the shared one rests meanwhile."""
    folder = tmp_path_factory.mktemp("trouble")
    options: tuple[str, ...] = ("--no-leader-elect", *getattr(request.module, "OPTIONS", ()))
    operator.stop()
    with FaultProxy(control_plane) as proxy:
        kubeconfig = proxy.kubeconfig(account, folder / "kubeconfig")
        troubled = Operator(control_plane, kubeconfig, folder / "operator.log", options).start()
        try:
            yield Trouble(troubled, proxy, installed)
        finally:
            troubled.kill()
            operator.start()
    bugs = [line for line in troubled.log.read_text().splitlines() if "a bug in" in line]
    assert bugs == [], "the operator has met bugs of its own"
