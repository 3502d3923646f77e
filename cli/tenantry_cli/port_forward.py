"""kubectl port-forward as a context manager that leaves no process behind."""

import re
import subprocess
import threading
from types import TracebackType
from typing import IO, Self

from tenantry_cli.cluster import Gateway
from tenantry_cli.deferral import deferred
from tenantry_cli.errors import CliError
from tenantry_cli.kubectl import Kubectl

SECONDS = 30.0
ADDRESS = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


class PortForward:
    """A port on loopback that leads to a pod of the gateway. `reopen` when it has died, as it does with its pod."""

    def __init__(self, kubectl: Kubectl, gateway: Gateway) -> None:
        self._kubectl = kubectl
        self._gateway = gateway
        self._process: subprocess.Popen[str] | None = None
        self._output: list[str] = []
        self._port: int | None = None
        self._told = threading.Event()

    def __enter__(self) -> Self:
        self.reopen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port on loopback.

        Raises:
            CliError: while closed.
        """
        if self._port is None:
            raise CliError("the port-forward is closed")
        return self._port

    @property
    def alive(self) -> bool:
        """Whether kubectl still runs."""
        return self._process is not None and self._process.poll() is None

    def reopen(self) -> None:
        """Start kubectl anew.

        Raises:
            CliError: with kubectl's own words, where it does not come to listen.
        """
        self.close()
        try:
            with deferred():
                self._start()
            self._wait()
        except BaseException:
            self.close()  # Nobody else does while the context is being entered.
            raise

    def _start(self) -> None:
        self._output, self._told = [], threading.Event()
        target, port = f"service/{self._gateway.service}", self._gateway.port
        # A session of its own: Ctrl-C ends an answer, not the port-forward below it.
        self._process = self._kubectl.start(
            ("port-forward", "--address", "127.0.0.1", target, f":{port}"),
            self._gateway.namespace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self._process.stdout is not None:
            threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _wait(self) -> None:
        in_time = self._told.wait(SECONDS)
        if self._port is None:
            said = " ".join(self._output).strip() or ("kubectl ended" if in_time else f"nothing within {SECONDS:.0f} s")
            see = f"kubectl tenantry status {self._gateway.name} -n {self._gateway.namespace}"
            raise CliError(f"no port-forward to service/{self._gateway.service}: {said}. See: {see}")

    def close(self) -> None:
        """End kubectl and wait for it."""
        with deferred():
            process, self._process, self._port = self._process, None, None
            if process is None:
                return
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _read(self, stream: IO[str]) -> None:
        """Take what kubectl prints, to the end: it would block on a full pipe."""
        with stream:
            for line in stream:
                found = ADDRESS.search(line)
                if found and not self._told.is_set():
                    self._port = int(found[1])
                    self._told.set()
                elif not self._told.is_set():
                    self._output.append(line.strip())
        self._told.set()
