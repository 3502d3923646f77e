"""kubectl as the demo and the tests use it: typed calls, and errors that carry what kubectl said."""

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import yaml


class KubectlError(Exception):
    """kubectl ended with an error; the text is its own."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One kubectl binary and one kubeconfig."""

    binary: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Return kubectl's standard output.

        Raises:
            KubectlError: with kubectl's error text, where it ends with another code than 0.
        """
        command = [str(self.binary), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise KubectlError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def apply(self, *manifests: dict[str, Any]) -> str:
        """Apply manifests server-side, in their order."""
        return self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """One object, as the API server has it."""
        found: dict[str, Any] = json.loads(self.run("-n", namespace, "get", kind, name, "-o", "json"))
        return found

    def items(self, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """All objects of a kind (or comma-separated kinds) in a namespace."""
        found = json.loads(self.run("-n", namespace, "get", kind, "-l", selector, "-o", "json"))
        items: list[dict[str, Any]] = found["items"]
        return items

    def wait(self, condition: str, target: str, namespace: str, seconds: int = 120) -> None:
        """Block until `kubectl wait --for=condition` is content with a target such as `gateways.tenantry.dev/x`."""
        self.run("-n", namespace, "wait", f"--for={condition}", target, f"--timeout={seconds}s", timeout=seconds + 10)

    @contextlib.contextmanager
    def port_forward(self, namespace: str, target: str, port: int) -> Iterator[str]:
        """Yield a base URL on loopback that reaches a port of a Service or pod."""
        command = [str(self.binary), "--kubeconfig", str(self.kubeconfig), "-n", namespace, "port-forward"]
        command += ["--address", "127.0.0.1", target, f":{port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            output = cast("IO[str]", process.stdout)
            line = output.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if not found:
                raise KubectlError(f"kubectl port-forward to {namespace}/{target}: {line}{output.read()}")
            # kubectl prints a line a connection; unread, it would block once the pipe is full.
            drain = threading.Thread(target=output.read)
            drain.start()
            try:
                yield f"http://127.0.0.1:{found[1]}"
            finally:
                process.terminate()
                drain.join()
