"""One bad tenant among many."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dev.kubectl import Kubectl
from tests.integration.faults import WRITES, answer, unanswered
from tests.integration.operator_harness import condition, eventually, gateway
from tests.integration.trouble_harness import Trouble

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
