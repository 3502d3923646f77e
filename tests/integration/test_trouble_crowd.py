"""One bad tenant among many, and very many that go at once."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.kubectl import Kubectl
from tests.integration.faults import WRITES, answer, unanswered
from tests.integration.operator_harness import Operator, condition, eventually, gateway
from tests.integration.trouble_harness import Trouble

GAUGES = r"tenantry_gateways\{.*\}"
WRITTEN = r'tenantry_operator_api_requests_total\{.*resource="(?!leases).*verb="(?:apply|create|patch|delete)".*\}'
CRD = "gateways.tenantry.dev"
PORT = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/port"


@contextmanager
def any_port_goes(kubectl: Kubectl) -> Iterator[None]:
    """While inside, the API server stores any number as ``spec.port``, as under the schema of another version."""
    schema: Any = json.loads(kubectl.run("get", "crd", CRD, "-o", "json"))
    for step in PORT.strip("/").split("/"):
        schema = schema[int(step)] if isinstance(schema, list) else schema[step]

    def replace(value: dict[str, Any]) -> None:
        patch = [{"op": "replace", "path": PORT, "value": value}]
        kubectl.run("patch", "crd", CRD, "--type=json", "-p", json.dumps(patch))

    replace({name: value for name, value in schema.items() if name not in {"minimum", "maximum"}})
    try:
        yield
    finally:
        replace(schema)


def ready_or_not(trouble: Trouble, namespace: str, names: list[str]) -> bool | None:
    """Whether each of these Gateways has a Deployment and a status that tells of it."""
    live = {each["metadata"]["name"]: each for each in trouble.kubectl.items("tgw", namespace)}
    return all(live[name].get("status", {}).get("replicas") for name in names) or None


def test_a_hundred_good_tenants_do_not_notice_a_few_poisoned_ones(trouble: Trouble, namespace: str) -> None:
    good = [f"good-{number}" for number in range(100)]
    with any_port_goes(trouble.kubectl):
        invalid = gateway("bad-stored", namespace, port=99999)
        eventually(lambda: trouble.kubectl.apply(invalid))
    errors, holes = answer(500, "InternalError"), unanswered
    with (
        trouble.proxy.fault(errors, *WRITES, namespace=namespace, name="bad-broken.*"),
        trouble.proxy.fault(holes, *WRITES, namespace=namespace, name="bad-hanging.*") as hanging,
    ):
        trouble.ask_for(namespace, "bad-broken", "bad-hanging")
        eventually(lambda: hanging.met or None)
        trouble.ask_for(namespace, *good)
        eventually(lambda: ready_or_not(trouble, namespace, good), seconds=120)
        trouble.works(namespace, "good-50")
        eventually(lambda: trouble.kubectl.items("deployments", namespace, "tenantry.dev/gateway=bad-broken") == [])

    stalled = eventually(lambda: condition(trouble.kubectl.get("tgw", "bad-stored", namespace), "Stalled"))
    assert stalled["reason"] == "InvalidSpec"
    assert "spec.port" in stalled["message"]
    trouble.kubectl.apply(gateway("bad-stored", namespace))
    for name in ("bad-stored", "bad-broken"):
        trouble.complete(namespace, name)


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
