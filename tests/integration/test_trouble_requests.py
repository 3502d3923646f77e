"""Requests that fail, hang or lose their answer, and an API server that is away."""

import threading
from contextlib import ExitStack

import yaml

from tests.integration.faults import WRITES, answer, dropped, lost, unanswered
from tests.integration.operator_harness import condition, eventually
from tests.integration.trouble_harness import Trouble

FORBIDDEN = 'services is forbidden: User "x" cannot patch resource "services" in API group "" in the namespace "y"'


def test_conflicts_errors_and_lost_requests_and_answers_end_in_the_same_objects(
    trouble: Trouble, namespace: str
) -> None:
    faults = {
        "conflict": answer(409, "Conflict"),
        "limited": answer(429, "TooManyRequests", retry_after=1),
        "broken": answer(500, "InternalError"),
        "away": answer(503, "ServiceUnavailable"),
        "dropped": dropped,
        "lost": lost,
    }
    resources = ("serviceaccounts", "configmaps", "services", "deployments", "secrets", "gateways/status")
    with ExitStack() as stack:
        rules = [
            stack.enter_context(
                trouble.proxy.fault(
                    action, "apply", "create", resource=resource, namespace=namespace, name=f"{name}(-.*)?", times=1
                )
            )
            for name, action in faults.items()
            for resource in resources
        ]
        trouble.ask_for(namespace, *faults)
        found = [trouble.complete(namespace, name) for name in faults]

    assert all(rule.met == 1 for rule in rules), [(rule.match.resource, rule.match.name) for rule in rules]
    assert all(each == found[0] for each in found)
    for name in faults:
        secrets = trouble.kubectl.items("secrets", namespace, f"tenantry.dev/gateway={name}")
        assert {each["metadata"]["name"] for each in secrets} == {f"{name}-token", f"{name}-audit"}
        assert len(secrets) == 2


def test_nothing_is_asked_for_a_tenant_before_the_time_that_the_api_server_asked_for(
    trouble: Trouble, namespace: str
) -> None:
    limit = answer(429, "TooManyRequests", retry_after=4)
    with trouble.proxy.fault(limit, "apply", resource="deployments", namespace=namespace, times=1) as limited:
        trouble.ask_for(namespace, "a")
        eventually(lambda: limited.met or None)
        trouble.kubectl.run("-n", namespace, "annotate", "tgw", "a", "fresh=change")
        trouble.kubectl.run("-n", namespace, "delete", "configmap", "a-gateway")
        trouble.complete(namespace, "a")

    asked = trouble.proxy.asked(namespace=namespace)
    refused = next(each for each in asked if each.status == 429)
    assert [str(each.target) for each in asked if refused.at < each.at < refused.at + 4] == []


def test_a_permission_that_is_missing_for_one_tenant_is_named_and_others_go_on(
    trouble: Trouble, namespace: str
) -> None:
    refusal = answer(403, "Forbidden", FORBIDDEN)
    with trouble.proxy.fault(refusal, "apply", resource="services", namespace=namespace, name="bad-.*"):
        trouble.ask_for(namespace, "bad", "good")
        trouble.complete(namespace, "good")

        def stalled() -> bool | None:
            found = condition(trouble.kubectl.get("tgw", "bad", namespace), "Stalled")
            return (found is not None and "may not patch services" in found["message"]) or None

        eventually(stalled)
    trouble.complete(namespace, "bad")


def test_dozens_of_tenants_whose_requests_hang_delay_nobody(trouble: Trouble, namespace: str) -> None:
    bad = [f"bad-{number}" for number in range(36)]
    with trouble.proxy.fault(unanswered, *WRITES, namespace=namespace, name="bad-.*") as hanging:
        trouble.ask_for(namespace, *bad)
        eventually(lambda: hanging.met >= len(bad) or None)
        mark = len(trouble.proxy.requests)
        trouble.ask_for(namespace, "good")
        trouble.complete(namespace, "good")
        trouble.works(namespace, "good")
        late = trouble.proxy.asked(namespace=namespace, name="bad-.*", since=mark)
        assert late == [], "the good one was done only when requests of bad ones had ended"
        trouble.kubectl.run("-n", namespace, "delete", "tgw", *bad[6:])
    for name in bad[:6]:
        trouble.complete(namespace, name)


def test_a_token_that_is_replaced_while_the_old_one_is_refused_is_read_again(trouble: Trouble, namespace: str) -> None:
    trouble.create(namespace, "a")
    config = yaml.safe_load(trouble.operator.kubeconfig.read_text())
    (user,) = config["users"]
    old = user["user"]["token"]
    process = trouble.process

    with trouble.proxy.fault(answer(401, "Unauthorized"), token=old) as refused:
        for resource in ("gateways", "agentbindings", "configmaps", "secrets"):
            for watch in trouble.proxy.watches(resource):
                watch.close()
        eventually(lambda: refused.met > 5 or None)
        trouble.kubectl.run("-n", namespace, "delete", "service", "a-gateway")
        user["user"]["token"] = trouble.kubectl.run(
            "-n", "tenantry-system", "create", "token", "tenantry-operator", "--duration=24h"
        ).strip()
        trouble.operator.kubeconfig.write_text(yaml.safe_dump(config))
        trouble.works(namespace)
        eventually(lambda: trouble.kubectl.get("service", "a-gateway", namespace))
        assert refused.met < 200, "the API server was hammered with a token that it refuses"

    assert process.poll() is None


def test_an_api_server_that_is_away_for_half_a_minute_is_survived(trouble: Trouble, namespace: str) -> None:
    trouble.create(namespace, "a")
    process = trouble.process
    away = threading.Event()

    with trouble.proxy.outage():
        trouble.kubectl.run("-n", namespace, "delete", "service", "a-gateway")
        trouble.ask_for(namespace, "new")
        away.wait(30)
    trouble.works(namespace, seconds=60)
    trouble.complete(namespace, "new")
    eventually(lambda: trouble.kubectl.get("service", "a-gateway", namespace))

    assert process.poll() is None
