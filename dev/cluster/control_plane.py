"""A control plane without nodes, for integration tests: etcd, API server and controllers on loopback, in seconds.

It needs no root. Objects are stored, validated, defaulted, owned and garbage-collected as in any cluster; Deployments
get ReplicaSets and Pods, but nothing runs them. `dev.cluster.kwok` adds fake nodes.
"""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dev.cluster import audit, components
from dev.cluster.components import ApiServer, Command
from dev.cluster.kubeconfig import write_kubeconfig
from dev.cluster.pki import Authority, Identity
from dev.cluster.waiting import api_get, log_tail, wait_until
from dev.errors import DevError
from dev.tools.build import tool_path

START_SECONDS = 60.0
PKI = "pki"


class ControlPlane:
    """A context manager; `start` and `stop` may also be called. The processes die with the thread that started them.

    `scheduler=True` adds a scheduler, for fake nodes. `audited` names the users whose requests the audit log has, if
    not all. `requests_a_second` bounds each controller and the scheduler, which Kubernetes limits to 20 and 50.
    """

    def __init__(
        self, *, scheduler: bool = False, audited: Sequence[str] = (), requests_a_second: int | None = None
    ) -> None:
        self._with_scheduler = scheduler
        self._audited = audited
        limit = requests_a_second
        self._limits = () if limit is None else (f"--kube-api-qps={limit}", f"--kube-api-burst={2 * limit}")
        self._resources = ExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._folder: Path | None = None
        self._url: str | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """Where everything of it is until it stops: certificates, data, logs."""
        if self._folder is None:
            raise DevError("the control plane is not running")
        return self._folder

    @property
    def url(self) -> str:
        """The API server's base URL."""
        if self._url is None:
            raise DevError("the control plane is not running")
        return self._url

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig file with every permission."""
        return self.folder / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log: JSON lines, level Metadata, each written as its request is answered."""
        return self.folder / "audit.log"

    @property
    def kubectl(self) -> Path:
        """The kubectl of the same version."""
        return tool_path("kubectl")

    def audit_events(self) -> list[dict[str, Any]]:
        """Return the audit log's events so far, in the order in which they were answered."""
        return audit.read_events(self.audit_log)

    def kubeconfig_for(self, user: str, group: str = "") -> Path:
        """Make a kubeconfig for another user, who may do what RBAC grants to that name or group and no more."""
        name = "".join(character if character.isalnum() else "-" for character in user)
        return self._write_kubeconfig(name, Identity(user, group))

    def start(self) -> None:
        """Start the processes and wait until the API server is ready.

        Raises:
            DevError: where a component ends early or the API server is not ready in time; nothing is left running.
        """
        if self._folder is not None:
            raise DevError("the control plane is running already")
        try:
            self._folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="tenantry-api-")))
            self._start(self._folder)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Kill the processes and remove the folder: nothing here is worth an orderly end."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        self._folder = self._url = None
        self._resources.close()

    def run(self, command: Command, executable: Path | None = None) -> None:
        """Run one more process next to the control plane; it ends with it."""
        path = executable or tool_path(command.name)
        with (self.folder / f"{command.name}.log").open("wb") as log:
            self._processes[command.name] = subprocess.Popen(
                [*_die_with_parent(), str(path), *command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )

    def pid(self, name: str) -> int:
        """Process id of a component that runs, such as ``kube-apiserver``."""
        return self._processes[name].pid

    def failure(self) -> str | None:
        """Name the first process that has ended, with the end of its log."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                return f"{name} ended with code {process.returncode}: {log_tail(self.folder / f'{name}.log')}"
        return None

    def _start(self, folder: Path) -> None:
        """Start what there is, with its certificates under `pki` in the folder; it may register what `stop` undoes."""
        etcd_port, peer_port, api_port = free_ports(3)
        self.run(components.etcd(folder / "etcd", etcd_port, peer_port))
        server = ApiServer(
            "127.0.0.1",
            api_port,
            f"http://127.0.0.1:{etcd_port}",
            audit.write_policy(folder / "audit-policy.json", self._audited),
            self.audit_log,
            # A loopback address is refused as an endpoint of the Service kubernetes; nobody uses that Service here.
            extra=("--bind-address=127.0.0.1", "--endpoint-reconciler-type=none"),
        )
        self._url = server.url
        authority = Authority.create(folder / PKI)
        self.run(components.api_server(server, authority, authority.issue("apiserver", server.identity)))
        self._write_kubeconfig("admin", components.ADMIN)
        controllers = self._write_kubeconfig("controller-manager", components.CONTROLLER_MANAGER)
        # Autoscalers look again after a second instead of fifteen, since tests wait for them.
        options = (*self._limits, "--horizontal-pod-autoscaler-sync-period=1s")
        commands = [components.controller_manager(controllers, authority, options)]
        if self._with_scheduler:
            commands.append(
                components.scheduler(self._write_kubeconfig("scheduler", components.SCHEDULER), self._limits)
            )
        self._wait_for_api(authority)
        for command in commands:
            self.run(command)

    def _wait_for_api(self, authority: Authority) -> None:
        """Wait for the health checks, and for the namespace that is made after them."""
        admin = authority.credentials("admin")

        def answers(path: str) -> bool:
            return api_get(self.url, path, authority, admin) is not None

        for path in ("/readyz", "/api/v1/namespaces/default"):
            wait_until(partial(answers, path), "the API server", START_SECONDS, self.failure)

    def _write_kubeconfig(self, name: str, identity: Identity) -> Path:
        authority = Authority(self.folder / PKI)
        credentials = authority.issue(name, identity)
        return write_kubeconfig(self.folder / f"{name}.kubeconfig", self.url, authority, credentials, name)


def free_ports(count: int) -> Sequence[int]:
    """Return TCP ports of loopback that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _die_with_parent() -> Iterator[str]:
    """Prefix a command so that even a killed test run leaves no process; not everywhere is there a way."""
    setpriv = shutil.which("setpriv")
    if setpriv is not None:
        yield from (setpriv, "--pdeathsig", "KILL", "--")
