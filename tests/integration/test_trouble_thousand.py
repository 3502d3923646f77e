"""Very many tenants that go at once, without a proxy: this is about the operator's memory of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tests.integration.operator_harness import Operator, eventually, gateway
from tests.integration.own_control_plane import account, control_plane, installed, kubectl

__all__ = ["account", "control_plane", "installed", "kubectl"]  # Other tests' Gateways would be counted.

TENANTS = 1000
GAUGES = r"tenantry_gateways\{.*\}"
WRITTEN = r'tenantry_operator_api_requests_total\{.*resource="(?!leases).*verb="(?:apply|create|patch|delete)".*\}'


def metrics(operator: Operator, pattern: str) -> dict[str, float]:
    """The operator's series whose names with labels match, without those that are zero."""
    text = operator.get("metrics", "/metrics") or ""
    found = re.findall(rf"^({pattern}) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found if float(value)}


def megabytes(operator: Operator) -> float:
    """Resident memory of the operator."""
    assert operator.process is not None
    status = Path(f"/proc/{operator.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


@pytest.fixture
def alone(control_plane: ControlPlane, account: Path, tmp_path: Path) -> Iterator[Operator]:
    """An operator of this test's own, not yet started; there is no other to elect."""
    own = Operator(control_plane, account, tmp_path / "operator.log", ("--no-leader-elect",))
    yield own
    own.stop()


def test_of_a_thousand_tenants_deleted_at_once_nothing_is_left(kubectl: Kubectl, alone: Operator) -> None:
    namespace, path = "thousand", "/apis/tenantry.dev/v1alpha1/namespaces/thousand/gateways"
    kubectl.run("create", "namespace", namespace)
    # No objects but the Gateways themselves: seven thousand would be the other controllers' work, not the operator's.
    kubectl.run("-n", namespace, "create", "quota", "none", "--hard=secrets=0")
    eventually(lambda: kubectl.get("quota", "none", namespace).get("status", {}).get("hard"))
    items = [gateway(f"t-{number}", namespace) for number in range(TENANTS)]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl.run("create", "-f", "-", stdin=manifest, timeout=300)
    alone.start()
    every = 'tenantry_gateways{condition="ConfigValid",status="True"}'
    eventually(lambda: metrics(alone, GAUGES).get(every, 0) == TENANTS, seconds=240)
    memory = megabytes(alone)

    kubectl.run("delete", "--raw", path)

    eventually(lambda: every not in metrics(alone, GAUGES), seconds=60)
    eventually(alone.idle)
    written = metrics(alone, WRITTEN)
    kubectl.run("delete", "namespace", namespace, "--timeout=60s")
    assert metrics(alone, WRITTEN) == written
    assert megabytes(alone) < memory + 16
    assert '"level": "ERROR"' not in alone.log.read_text()
