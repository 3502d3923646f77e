import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenantry_cli.cluster import Gateway
from tenantry_cli.errors import CliError
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.port_forward import PortForward

GATEWAY = {"metadata": {"name": "a", "namespace": "b"}, "spec": {}}
PROGRAM = f"""
import signal, sys
from tenantry_cli.cluster import Gateway
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.port_forward import PortForward
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: sys.exit(128 + number))
signal.signal(signal.SIGINT, signal.default_int_handler)
with PortForward(Kubectl(), Gateway({GATEWAY})):
    signal.pause()
"""


def program(folder: Path, script: str) -> str:
    """What stands in for kubectl: a process that listens, says something or hangs."""
    path = folder / "kubectl"
    path.write_text(f"#!/bin/sh\necho $$ > {folder}/pid\n{script}\n")
    path.chmod(0o755)
    return str(path)


def is_there(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_opens_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    kubectl = program(tmp_path, "exec sleep 120")
    environment = {**os.environ, "KUBECTL": kubectl}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stderr=subprocess.DEVNULL) as running:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            time.sleep(0.005)

        running.send_signal(number)

        assert running.wait(60) != 0
    assert not is_there((tmp_path / "pid").read_text().strip())


def test_what_kubectl_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECTL", program(tmp_path, "echo 'error: no pods'; exit 1"))

    with (
        pytest.raises(CliError, match=r"no port-forward to service/a-gateway: error: no pods. See: kubectl tenantry"),
        PortForward(Kubectl(), Gateway(GATEWAY)),
    ):
        pass


def test_the_port_is_known_and_kubectl_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "echo 'Forwarding from 127.0.0.1:4711 -> 18789'; exec sleep 120"
    monkeypatch.setenv("KUBECTL", program(tmp_path, script))

    with PortForward(Kubectl(), Gateway(GATEWAY)) as forward:
        assert (forward.port, forward.alive) == (4711, True)

    assert not forward.alive
    assert not is_there((tmp_path / "pid").read_text().strip())
