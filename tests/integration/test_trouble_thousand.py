"""Very many tenants that go at once, without a proxy: this is about the operator's memory of them."""

import json
import re
from pathlib import Path

from dev.kubectl import Kubectl
from tests.integration.operator_harness import Operator, eventually, gateway

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


def test_of_a_thousand_tenants_deleted_at_once_nothing_is_left(kubectl: Kubectl, operator: Operator) -> None:
    namespace, path = "thousand", "/apis/tenantry.dev/v1alpha1/namespaces/thousand/gateways"
    kubectl.run("create", "namespace", namespace)
    # No objects but the Gateways themselves: seven thousand would be the other controllers' work, not the operator's.
    kubectl.run("-n", namespace, "create", "quota", "none", "--hard=secrets=0")
    eventually(lambda: kubectl.get("quota", "none", namespace).get("status", {}).get("hard"))
    eventually(operator.idle)
    gauges, memory = metrics(operator, GAUGES), megabytes(operator)
    logged = len(operator.log.read_text())
    items = [gateway(f"t-{number}", namespace) for number in range(1000)]
    kubectl.run("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    all_told = 'tenantry_gateways{condition="Reconciling",status="True"}'
    eventually(
        lambda: metrics(operator, GAUGES).get(all_told, 0) >= gauges.get(all_told, 0) + 1000,
        seconds=120,
    )

    kubectl.run("delete", "--raw", path)

    eventually(lambda: metrics(operator, GAUGES) == gauges, seconds=60)
    eventually(operator.idle)
    written = metrics(operator, WRITTEN)
    kubectl.run("delete", "namespace", namespace, "--timeout=60s")
    assert metrics(operator, WRITTEN) == written
    assert megabytes(operator) < memory + 64
    assert '"level": "ERROR"' not in operator.log.read_text()[logged:]
