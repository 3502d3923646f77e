"""The operator as a real process against the real API server, with the rights of its own service account alone."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
import yaml

from dev import charts
from dev.cluster.control_plane import ControlPlane, free_ports
from dev.install import SYSTEM as SYSTEM_NAMESPACE
from dev.kubectl import Kubectl, KubectlError

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "tenantry-system"
ACCOUNT = "system:serviceaccount:tenantry-system:tenantry-operator"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_NUMBERS = itertools.count(1)
STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "kubernetes.io/no-provisioner",
    "volumeBindingMode": "WaitForFirstConsumer",
}
"""The default class. No kubelet runs here, so its claims wait for their first pod for ever, as they may."""
SECONDS = 30.0
"""How long something may take that takes well under a second on an idle machine."""
REST = 0.7
"""Seconds; many times what it takes from a write to the watch event of it."""

T = TypeVar("T")
Manifest = dict[str, Any]


def eventually(
    look: Callable[[], T | None], seconds: float = SECONDS, otherwise: Callable[[], object] = lambda: "no more to tell"
) -> T:
    """Look again and again until there is something to see; what kubectl refuses counts as nothing.

    `otherwise` is asked what there is instead, for the error.
    """
    deadline = time.monotonic() + seconds
    said = "nothing"
    while time.monotonic() < deadline:
        try:
            seen = look()
        except KubectlError as error:
            seen, said = None, str(error)
        if seen is not None and seen is not False:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"not seen within {seconds:.0f} s; the last answer was {said}; {otherwise()}")


def gateway(name: str, namespace: str, **spec: Any) -> Manifest:
    """A small valid Gateway."""
    return {
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "provider": {"apiKeySecretRef": {"name": "anthropic", "key": "api-key"}},
            "agents": {"main": {"model": "claude-sonnet-4-20250514"}},
            **spec,
        },
    }


def binding(name: str, namespace: str, gateway_name: str, channel: str, agent: str = "main") -> Manifest:
    """A small valid AgentBinding."""
    return {
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "AgentBinding",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"gatewayRef": {"name": gateway_name}, "agentId": agent, "match": {"channel": channel}},
    }


def condition(live: Manifest, kind: str) -> Manifest | None:
    """A condition of an object."""
    found = live.get("status", {}).get("conditions", ())
    return next((one for one in found if one["type"] == kind), None)


@dataclass
class Operator:
    """The operator's process. Start and stop it at will."""

    control_plane: ControlPlane
    kubeconfig: Path
    log: Path
    options: tuple[str, ...] = ()
    name: str = "operator"
    """The replica's name: the audit log has it in each request's user agent."""
    process: subprocess.Popen[bytes] | None = None
    health: int = 0
    metrics: int = 0

    def start(self, *, lead: bool = True) -> Self:
        """Start it and wait until it is ready, and until it leads unless it is to stand by."""
        self.launch()
        eventually(lambda: self.get("health", "/readyz"))
        if lead:
            eventually(self.leads)
        return self

    def launch(self) -> None:
        """Start it and wait for nothing."""
        self.health, self.metrics = free_ports(2)
        command = [sys.executable, "-m", "tenantry_operator", "run", "--kubeconfig", str(self.kubeconfig)]
        command += ["--health-address", f"127.0.0.1:{self.health}", "--metrics-address", f"127.0.0.1:{self.metrics}"]
        command += ["--pod-access", "direct", "--log-level", "debug", "--settle-seconds", "0", *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=_environment(POD_NAME=self.name)
            )

    def stop(self) -> int:
        """End it as the kubelet does; returns its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        finally:
            self.process.kill()
            self.process.wait()
            self.process = None

    def kill(self, *, release_lease: bool = True) -> None:
        """End it as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            if release_lease:
                self.release_lease()

    def release_lease(self) -> None:
        """Let the next one lead at once: that a dead one's Lease runs out has tests of its own."""
        kubectl = Kubectl(self.control_plane.kubectl, self.control_plane.kubeconfig)
        patch = json.dumps({"spec": {"holderIdentity": ""}})
        kubectl.run("-n", SYSTEM, "patch", "lease", "tenantry-operator", "--type=merge", "-p", patch)

    def leads(self) -> bool:
        """Whether it is the one that acts."""
        return self.metric("tenantry_operator_leader") == 1

    def get(self, port: str, path: str) -> str | None:
        """Body of one of its HTTP endpoints; None while it does not answer with 200."""
        assert self.process is None or self.process.poll() is None, f"the operator has ended: {self.tail()}"
        code, body = _get(f"http://127.0.0.1:{getattr(self, port)}{path}")
        return body if code == HTTPStatus.OK else None

    def probe(self, path: str) -> tuple[int, dict[str, Any]]:
        """Code and body of a probe's answer; code 0 while nobody listens."""
        code, body = _get(f"http://127.0.0.1:{self.health}{path}")
        return code, json.loads(body) if code else {}

    def metric(self, name: str) -> float:
        """Sum of a metric over all its labels."""
        text = self.get("metrics", "/metrics") or ""
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))

    def metric_of(self, name: str, **labels: str) -> float | None:
        """One series of a metric; None where there is none."""
        wanted = ",".join(f'{label}="{value}"' for label, value in labels.items())
        text = self.get("metrics", "/metrics") or ""
        found = re.search(rf"^{name}\{{{re.escape(wanted)}\}} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else None

    def settled(self, keys: int) -> None:
        """Wait until it has looked at so many Gateways since its start, and none waits."""
        eventually(lambda: (self.metric("tenantry_operator_reconcile_total") >= keys and self.idle()) or None)

    def idle(self) -> bool:
        """Whether no key waits."""
        return self.metric("tenantry_operator_queue_depth") == 0

    def rests(self) -> None:
        """Wait until it has done nothing for a while: what it writes comes back to it by its watches."""
        done, since = -1.0, 0.0

        def long_enough() -> bool:
            nonlocal done, since
            now = self.metric("tenantry_operator_reconcile_total")
            if now != done or not self.idle():
                done, since = now, time.monotonic()
            return time.monotonic() - since > REST

        eventually(long_enough)

    def writes(self, namespace: str | None = None, since: int = 0) -> list[str]:
        """What it has written for tenants after the audit log's first ``since`` events: verb and object."""
        return [
            f"{event['verb']} {reference['resource']}/{reference.get('subresource', '')} {reference.get('name')}"
            for event in self.control_plane.audit_events()[since:]
            if event["user"]["username"] == ACCOUNT and event["verb"] in WRITES
            for reference in [event["objectRef"]]
            if reference["resource"] != "leases"  # The leader renews it every two seconds, whatever else happens.
            if namespace is None or reference.get("namespace") == namespace
        ]

    def audited(self) -> int:
        """Number of audit events so far."""
        return len(self.control_plane.audit_events())

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-4000:]


@dataclass
class Pods:
    """Plays the kubelet and a gateway: pods answer on loopback with a configuration hash."""

    kubectl: Kubectl
    port: int
    config_hash: str = ""
    token_version: str | None = None
    asked: int = 0
    _server: ThreadingHTTPServer | None = field(default=None)

    def __enter__(self) -> Self:
        pods = self

        class Ready(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pods.asked += 1
                body = json.dumps(
                    {"status": "ready", "configHash": pods.config_hash, "tokenVersion": pods.token_version}
                ).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Ready)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def run(self, namespace: str, gateway_name: str) -> Manifest:
        """Make the gateway's pod ready, as a kubelet would."""
        selector = f"tenantry.dev/gateway={gateway_name}"
        pod = eventually(lambda: next(iter(self.kubectl.items("pods", namespace, selector)), None))
        self.answer_as(pod)
        return self.kubectl.get("pod", pod["metadata"]["name"], namespace)

    def answer_as(self, pod: Manifest) -> None:
        """Make one pod ready: what is asked of it is asked here."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        status = {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "podIPs": [{"ip": "127.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        patch = json.dumps({"status": status})
        self.kubectl.run("-n", namespace, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)


@pytest.fixture(scope="session")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    """kubectl with every permission."""
    return Kubectl(control_plane.kubectl, control_plane.kubeconfig)


def install(kubectl: Kubectl) -> Kubectl:
    """Install both charts but for the operator itself, which the tests run as a process."""
    manifests = (*charts.render(charts.DEFINITIONS, {}), *charts.render(charts.OPERATOR, {}))
    rest = (manifest for manifest in manifests if manifest["kind"] != "Deployment")
    kubectl.apply(STORAGE_CLASS, SYSTEM_NAMESPACE, *rest)
    for name in ("gateways", "agentbindings"):
        kubectl.wait("condition=Established", f"crd/{name}.tenantry.dev", "default", 30)
    return kubectl


def kubeconfig_of(kubectl: Kubectl, control_plane: ControlPlane, namespace: str, path: Path) -> Path:
    """A kubeconfig of the operator's service account in a namespace: it may do what is granted to it, and no more."""
    token = kubectl.run("-n", namespace, "create", "token", "tenantry-operator", "--duration=24h").strip()
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path.write_text(yaml.safe_dump(config))
    return path


def run_operator(control_plane: ControlPlane, account: Path, log: Path) -> Iterator[Operator]:
    """Run the operator; whatever it logs as a fault of its own fails the tests."""
    running = Operator(control_plane, account, log).start()
    yield running
    running.stop()
    faults = [line for line in running.log.read_text().splitlines() if "Traceback" in line or "a bug in" in line]
    assert faults == [], "the operator has logged faults that no test was about"


@pytest.fixture(scope="session")
def installed(kubectl: Kubectl) -> Kubectl:
    """The cluster with everything of both charts but the operator itself."""
    return install(kubectl)


@pytest.fixture(scope="session")
def account(installed: Kubectl, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's own service account, with what the chart grants."""
    return kubeconfig_of(installed, control_plane, SYSTEM, tmp_path_factory.mktemp("account") / "kubeconfig")


@pytest.fixture(scope="session")
def operator(
    control_plane: ControlPlane, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """One operator for all tests; a test that stops it starts it again."""
    yield from run_operator(control_plane, account, tmp_path_factory.mktemp("operator") / "operator.log")


@pytest.fixture
def namespace(installed: Kubectl, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own; its Gateways are deleted at the end, so that later tests count only theirs."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:40] + f"-{next(_NUMBERS)}"
    installed.run("create", "namespace", name)
    yield name
    installed.run("-n", name, "delete", "gateways.tenantry.dev,agentbindings.tenantry.dev", "--all", "--wait=false")


@pytest.fixture
def pods(installed: Kubectl) -> Iterator[Pods]:
    """Pods that answer; give the Gateway the port ``pods.port``."""
    with Pods(installed, free_ports(1)[0]) as running:
        yield running


def _environment(**more: str) -> dict[str, str]:
    """This process's environment without what would configure the operator, and with ``more``."""
    kept = {
        name: value for name, value in os.environ.items() if name != "KUBECONFIG" and not name.startswith("TENANTRY_")
    }
    return kept | more


def _get(url: str) -> tuple[int, str]:
    """Code and body of the answer; 0 and nothing where there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:  # It holds the connection, which closes with it.
            return error.code, error.read().decode()
    except (OSError, HTTPException):
        return 0, ""
