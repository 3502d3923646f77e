"""A control plane with fake nodes, bound volumes, gateways that answer, and a fleet's resources in it."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self, TypeVar

from benchmarks.fleet import fake_gateways, tenants
from benchmarks.fleet.requests import AuditLog
from dev.cluster.addons import PROVISIONER, STORAGE_CLASS
from dev.cluster.components import Command
from dev.cluster.control_plane import ControlPlane
from dev.cluster.kwok import add_fake_nodes
from dev.console import say
from dev.errors import DevError
from dev.kubectl import Kubectl
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.credentials import load_credentials
from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY, Kind
from tenantry_operator.metrics import Metrics
from tests.integration.operator_harness import ACCOUNT, SYSTEM, Operator, install, kubeconfig_of

T = TypeVar("T")
Manifest = dict[str, Any]

CONTROLLERS_REQUESTS = 100
"""A second, for each controller and the scheduler: five times the usual, or 5,000 pods take a quarter of an hour."""
SETUP_CONCURRENCY = 16
COMPONENTS = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kwok")
KINDS: dict[str, Kind] = {kind.name: kind for kind in (GATEWAY, AGENT_BINDING)}
ADMIN = "kubernetes-admin"
BARE_WRITER = "benchmark-bare-writer"


class FleetCluster:
    """A context manager; everything ends with it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._resources = ExitStack()
        self.control_plane = ControlPlane(
            scheduler=True, audited=(ACCOUNT, BARE_WRITER), requests_a_second=CONTROLLERS_REQUESTS
        )

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._resources.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def kubectl(self) -> Kubectl:
        """kubectl with every permission."""
        return Kubectl(self.control_plane.kubectl, self.control_plane.kubeconfig)

    def pids(self) -> dict[str, int]:
        """The control plane's processes."""
        return {name: self.control_plane.pid(name) for name in COMPONENTS}

    def audit(self) -> AuditLog:
        """What the operator and the bare writer ask from now on."""
        log = AuditLog(self.control_plane.audit_log)
        log.skip()
        return log

    def operator(self, name: str = "operator", options: Sequence[str] = ()) -> Operator:
        """An operator that is not started yet, with its own account's rights alone."""
        usual = (
            "--log-level",
            "info",
            "--settle-seconds",
            "10",
            "--gateway-image",
            "registry.example.com/tenantry/gateway:1",
        )
        return Operator(self.control_plane, self.account, self.folder / f"{name}.log", (*usual, *options), name=name)

    @asynccontextmanager
    async def client(self, user: str = ADMIN) -> AsyncIterator[Client]:
        """Give a client of the API server, with every permission."""
        kubeconfig = self.control_plane.kubeconfig_for(user, "system:masters")
        client = Client(await load_credentials(kubeconfig), Metrics(), manager=user, rand=random.random)
        try:
            yield client
        finally:
            await client.close()

    async def populate(self) -> None:
        """Make what the teams apply: namespaces, API keys, Gateways and AgentBindings."""
        say(f"{self.size} tenants with {tenants.BINDINGS} bindings each: applying what teams apply")
        self.kubectl.apply(*tenants.namespaces(self.size), *tenants.api_keys(self.size))
        async with self.client() as client:

            async def apply(manifest: Manifest) -> None:
                await client.apply(KINDS[manifest["kind"]], manifest)

            everything = (manifest for tenant in range(self.size) for manifest in tenants.resources(tenant))
            await concurrently(apply, everything, SETUP_CONCURRENCY)

    def _start(self) -> None:
        try:
            fake_gateways.loopback_socket().close()
        except OSError as error:
            raise DevError(
                f"port {fake_gateways.PORT} is taken: another run of bench-fleet? Wait for its end"
            ) from error
        self.folder = Path(self._resources.enter_context(TemporaryDirectory(prefix="tenantry-fleet-")))
        self._resources.enter_context(self.control_plane)
        install(self.kubectl)
        self._bind_volumes()
        add_fake_nodes(self.control_plane, pods=fake_gateways.POD_RANGE)
        kubeconfig = self.control_plane.kubeconfig
        answers = ("-m", "benchmarks.fleet.fake_gateways", f"--kubeconfig={kubeconfig}")
        self.control_plane.run(
            Command("fake-gateways", ("PYTHONPATH=" + os.pathsep.join(sys.path), sys.executable, *answers)),
            Path("/usr/bin/env"),
        )
        self.account = kubeconfig_of(self.kubectl, self.control_plane, SYSTEM, self.folder / "operator.kubeconfig")

    def _bind_volumes(self) -> None:
        """Let the local cluster's provisioner make volumes; fake pods never look into them."""
        self.kubectl.run("delete", "storageclass", "--all")
        self.kubectl.apply(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {
                    "name": STORAGE_CLASS,
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                },
                "provisioner": PROVISIONER,
                "volumeBindingMode": "WaitForFirstConsumer",
            }
        )
        volumes = self.folder / "volumes"
        volumes.mkdir()
        arguments = (f"--kubeconfig={self.control_plane.kubeconfig}", f"--folder={volumes}", "--node=fake-0")
        self.control_plane.run(Command("volume-provisioner", arguments))


async def concurrently(work: Callable[[T], Awaitable[None]], items: Iterable[T], workers: int) -> None:
    """Do some work for each item, so many at a time."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    await asyncio.gather(*(worker() for _ in range(workers)))
