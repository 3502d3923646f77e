"""What is measured, each a process of its own on a core of its own: the floor, the gateway, LiteLLM's proxy; and the
stand-in behind them."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway.cores import Cores, on_core
from benchmarks.gateway.load import HOST
from benchmarks.gateway.upstream import MODEL
from dev.errors import DevError

TOKEN = "benchmark-token-0123456789"  # noqa: S105 - of processes that live for the measurement, on loopback
PATIENCE = 180.0
POLL_SECONDS = 0.002
CONFIG = f"agents: {{main: {{model: {MODEL}}}}}\n"
LITELLM_READY = "/health/liveliness"
LITELLM_CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params: {{model: anthropic/{model}, api_base: "{upstream}", api_key: key}}
general_settings: {{master_key: {token}}}
"""


@dataclass(frozen=True, slots=True)
class System:
    """A running server. Its output is in `log`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    started: float
    """When its process began, on the monotonic clock."""

    @property
    def pid(self) -> int:
        """Its process; none of them has another."""
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def wait_for(self, path: str) -> float:
        """Seconds from the process's begin until GET `path` is answered with 200. Raises DevError."""
        return self._wait(lambda: self._answers(path), f"200 at {path}")

    def wait_to_listen(self) -> float:
        """Seconds from the process's begin until it accepts connections. Raises DevError."""
        return self._wait(self._accepts, "a connection")

    def wait_to_log(self, message: str) -> float:
        """Seconds from the process's begin until it logs a message, as JSON. Raises DevError."""
        return self._wait(lambda: message in self._logged(), f'"{message}" in its log')

    def _logged(self) -> list[str]:
        """The messages of its whole lines."""
        *lines, _ = self.log.read_text().split("\n")
        return [str(json.loads(line)["message"]) for line in lines]

    def last_line(self) -> str:
        """What it wrote last."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def _wait(self, condition: Callable[[], bool], what: str) -> float:
        while not condition():
            if self.process.poll() is not None:
                raise DevError(f"{self.log.stem} ended: {self.last_line()}")
            if time.monotonic() - self.started > PATIENCE:
                raise DevError(f"no {what} of {self.log.stem} within {PATIENCE:.0f} s: {self.last_line()}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - self.started

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def _answers(self, path: str) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def resting(systems: Iterable[System]) -> Iterator[None]:
    """Stop these for the block: a stopped process takes nothing of the core."""
    stopped = list(systems)
    for system in stopped:
        system.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for system in stopped:
            system.process.send_signal(signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where systems are started: on which cores, with which directory for what they write."""

    cores: Cores
    directory: Path

    @contextmanager
    def upstream(self, *arguments: str) -> Iterator[System]:
        """The stand-in, beside the load."""
        port = free_port()
        command = (sys.executable, "-m", "benchmarks.gateway.upstream", "--port", str(port), *arguments)
        with self._running("upstream", command, port, core=self.cores.load) as system:
            system.wait_to_listen()
            yield system

    @contextmanager
    def floor(self, upstream: str, state: Path) -> Iterator[System]:
        """The floor, which keeps its audit file in a directory of `state`."""
        port = free_port()
        folder = str(state / f"floor-{port}")
        arguments = ("--port", str(port), "--upstream", upstream, "--directory", folder)
        command = (sys.executable, "-m", "benchmarks.gateway.floor", *arguments)
        with self._running("floor", command, port, {"GATEWAY_TOKEN": TOKEN}) as system:
            system.wait_to_listen()
            yield system

    @contextmanager
    def gateway(self, upstream: str, state: Path) -> Iterator[System]:
        """The gateway, not waited for, with one agent; it keeps sessions and audit log in a directory of `state`."""
        port = free_port()
        folder = state / f"gateway-{port}"
        folder.mkdir()
        config = folder / "config.yaml"
        config.write_text(CONFIG)
        environment = {
            "CLAWDBOT_CONFIG_PATH": str(config),
            "CLAWDBOT_STATE_DIR": str(folder / "state"),
            "TENANTRY_SECRETS_DIR": str(folder / "secrets"),
            "GATEWAY_TOKEN": TOKEN,
            "ANTHROPIC_API_KEY": "key",
            "ANTHROPIC_BASE_URL": upstream,
        }
        command = (sys.executable, "-m", "tenantry_gateway", "run", "--port", str(port))
        with self._running("gateway", command, port, environment) as system:
            yield system

    @contextmanager
    def litellm(self, upstream: str, executable: Path) -> Iterator[System]:
        """LiteLLM's proxy with one worker, not waited for."""
        port = free_port()
        config = self.directory / f"litellm-{port}.yaml"
        config.write_text(LITELLM_CONFIG.format(model=MODEL, upstream=upstream, token=TOKEN))
        command = (str(executable), "--config", str(config), "--host", HOST, "--port", str(port), "--num_workers", "1")
        # Its own environment's packages alone; prices from its files, not from the network.
        environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": ""}
        with self._running("litellm", command, port, environment) as system:
            yield system

    @contextmanager
    def _running(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        environment: Mapping[str, str] | None = None,
        *,
        core: int | None = None,
    ) -> Iterator[System]:
        log = self.directory / f"{name}-{port}.log"
        with log.open("wb") as output, on_core(self.cores.system if core is None else core):
            started = time.monotonic()
            process = subprocess.Popen(
                command, env={**os.environ, **(environment or {})}, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            yield System(process, port, log, started)
        finally:
            process.kill()
            process.wait()


def measure_sdk(cores: Cores, upstream: str, arguments: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Figures of the SDK alone, by the way of asking and by how many at once. Raises DevError."""
    command = (sys.executable, "-m", "benchmarks.gateway.sdk", "--upstream", upstream, *arguments)
    with on_core(cores.system):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output, _ = process.communicate()
    if process.returncode:
        raise DevError("the SDK's own measurement failed; see above")
    found: dict[str, dict[str, dict[str, float]]] = json.loads(output)
    return found


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
