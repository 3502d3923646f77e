"""One bad tenant among many, and very many that go at once."""

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
def anything_goes_for_ports(kubectl: Kubectl) -> Iterator[None]:
    """While inside, the API server stores whatever ``spec.port`` says, as under a schema of another version."""
    schema: Any = json.loads(kubectl.run("get", "crd", CRD, "-o", "json"))
    for step in PORT.strip("/").split("/"):
        schema = schema[int(step)] if isinstance(schema, list) else schema[step]

    def replace(value: dict[str, Any]) -> None:
        patch = [{"op": "replace", "path": PORT, "value": value}]
        kubectl.run("patch", "crd", CRD, "--type=json", "-p", json.dumps(patch))

    replace({"x-kubernetes-preserve-unknown-fields": True})
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
    with anything_goes_for_ports(trouble.kubectl):
        invalid = gateway("bad-stored", namespace, port={"no": "port"})
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

    stalled = condition(trouble.kubectl.get("tgw", "bad-stored", namespace), "Stalled")
    assert stalled is not None
    assert stalled["reason"] == "InvalidSpec"
    assert "spec.port" in stalled["message"]
    trouble.kubectl.apply(gateway("bad-stored", namespace))
    for name in ("bad-stored", "bad-broken"):
        trouble.complete(namespace, name)


def test_of_a_thousand_tenants_deleted_at_once_nothing_is_left(trouble: Trouble) -> None:
    namespace = "thousand"
    names = [f"t-{number}" for number in range(1000)]
    trouble.kubectl.run("create", "namespace", namespace)
    before = trouble.operator.metric_of("tenantry_gateways", condition="ConfigValid", status="True") or 0
    # Nothing but statuses is written for them: a thousand Deployments would be the controllers' work, not ours.
    refusal = answer(403, "Forbidden", "quota: no objects here")
    with trouble.proxy.fault(refusal, "apply", "create", resource="(?!gateways/status).*", namespace=namespace):
        trouble.ask_for(namespace, *names)

        def counted() -> float:
            return trouble.operator.metric_of("tenantry_gateways", condition="ConfigValid", status="True") or 0

        eventually(lambda: counted() >= before + len(names), seconds=120)
        trouble.kubectl.run("-n", namespace, "delete", "tgw", "--all", "--wait=false")
        eventually(lambda: counted() <= before, seconds=60)
    mark, seen = trouble.mark, len(trouble.proxy.requests)
    trouble.kubectl.run("delete", "namespace", namespace, "--timeout=90s")

    eventually(lambda: trouble.operator.idle() or None)
    assert trouble.operator.metric("tenantry_operator_rollout_waiting") == 0
    assert trouble.proxy.asked(*WRITES, namespace=namespace, since=seen) == []
    assert '"level": "ERROR"' not in trouble.log_since(mark)
