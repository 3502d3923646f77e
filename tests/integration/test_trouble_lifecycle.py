"""Objects that others fight over, hold or delete; namespaces and Gateways that go and come back."""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from dev.kubectl import Kubectl
from tests.integration.faults import WRITES
from tests.integration.operator_harness import Manifest, condition, eventually, gateway
from tests.integration.trouble_harness import Trouble

AT_ONCE = 4
HELD = '{"metadata": {"finalizers": ["example.com/held"]}}'
FREED = '{"metadata": {"finalizers": null}}'


@contextmanager
def fighter(kubectl: Kubectl, manifest: Manifest) -> Iterator[None]:
    """Somebody who forces their own value on an object again and again, until the end."""
    over, text = threading.Event(), yaml.safe_dump(manifest)

    def fight() -> None:
        while not over.is_set():
            kubectl.run("apply", "--server-side", "--force-conflicts", "--field-manager=fighter", "-f", "-", stdin=text)

    thread = threading.Thread(target=fight)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def reason(trouble: Trouble, namespace: str, kind: str = "Reconciling") -> str | None:
    found = condition(trouble.kubectl.get("tgw", "a", namespace), kind)
    return str(found["reason"]) if found else None


def hold(trouble: Trouble, namespace: str, kind: str, patch: str = HELD) -> None:
    """Keep an object from going, or let it go."""
    trouble.kubectl.run("-n", namespace, "patch", kind, "a-gateway", "--type=merge", "-p", patch)


def uid(trouble: Trouble, namespace: str, kind: str, name: str = "a-gateway") -> str:
    return str(trouble.kubectl.get(kind, name, namespace)["metadata"]["uid"])


def test_a_manager_that_fights_back_is_answered_ever_more_slowly_named_once_and_delays_nothing_else(
    trouble: Trouble, namespace: str
) -> None:
    trouble.create(namespace, "a", "b")
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a-gateway", "namespace": namespace}}
    mark = len(trouble.proxy.requests)

    def corrections() -> list[float]:
        asked = trouble.proxy.asked("apply", resource="configmaps", namespace=namespace, name="a-gateway", since=mark)
        return [each.at for each in asked if each.status == 200]

    with fighter(trouble.kubectl, {**theirs, "data": {"config.yaml": "theirs"}}):
        eventually(lambda: reason(trouble, namespace) == "ConflictingManager" or None)
        said = condition(trouble.kubectl.get("tgw", "a", namespace), "Reconciling")
        old = uid(trouble, namespace, "service")
        trouble.kubectl.run("-n", namespace, "delete", "service", "a-gateway")
        eventually(lambda: uid(trouble, namespace, "service") != old or None)
        trouble.works(namespace, "b")
        eventually(lambda: len(corrections()) >= AT_ONCE + 2 or None)
        gaps = [second - first for first, second in itertools.pairwise(corrections())]

    assert said is not None
    assert '"fighter"' in said["message"]
    assert "config\\.yaml" in said["message"] or "config.yaml" in said["message"]
    assert all(gap >= pause for gap, pause in zip(gaps[AT_ONCE - 1 :], (1, 2), strict=False)), gaps
    eventually(lambda: trouble.config(namespace) != "theirs" or None)
    eventually(lambda: reason(trouble, namespace) != "ConflictingManager" or None, seconds=90)
    found = trouble.kubectl.items("events.v1.events.k8s.io", namespace)
    told = [each for each in found if each["reason"] == "ConflictingManager" and each["regarding"]["name"] == "a"]
    assert [each["type"] for each in told] == ["Warning"]


def test_a_namespace_that_goes_slowly_gets_nothing_new_and_brings_no_errors(trouble: Trouble, namespace: str) -> None:
    other = f"{namespace[:40]}-going"
    trouble.kubectl.run("create", "namespace", other)
    trouble.create(other, "a")
    hold(trouble, other, "configmap")
    seen, logged = len(trouble.proxy.requests), trouble.mark

    trouble.kubectl.run("delete", "namespace", other, "--wait=false")
    eventually(lambda: trouble.kubectl.items("gateways.tenantry.dev,deployments,services", other) == [] or None)
    trouble.create(namespace, "a")  # Meanwhile it works elsewhere.
    made = trouble.proxy.asked("apply", "create", namespace=other, since=seen)
    hold(trouble, other, "configmap", FREED)
    trouble.kubectl.run("wait", "--for=delete", f"namespace/{other}", "--timeout=60s")

    assert [each for each in made if each.status == 201 and each.target.resource != "events"] == []
    assert len(trouble.proxy.asked(*WRITES, namespace=other, since=seen)) < 20
    lines = [json.loads(line) for line in trouble.log_since(logged).splitlines() if line.startswith("{")]
    assert [each for each in lines if each["level"] in {"WARNING", "ERROR"} and other in str(each)] == []


def test_no_object_comes_back_while_a_gateway_waits_for_its_objects_to_go(trouble: Trouble, namespace: str) -> None:
    trouble.create(namespace, "a")
    hold(trouble, namespace, "configmap")
    trouble.kubectl.run("-n", namespace, "delete", "tgw", "a", "--cascade=foreground", "--wait=false")
    eventually(lambda: trouble.kubectl.items("deployments,services", namespace) == [] or None)
    seen = len(trouble.proxy.requests)

    trouble.kubectl.run("-n", namespace, "annotate", "tgw", "a", "look=again")
    trouble.kubectl.apply(gateway("other", namespace))
    trouble.complete(namespace, "other")

    assert trouble.proxy.asked("apply", "create", namespace=namespace, name="a(-.*)?", since=seen) == []
    hold(trouble, namespace, "configmap", FREED)
    trouble.kubectl.run("-n", namespace, "wait", "--for=delete", "tgw/a", "--timeout=60s")


def test_objects_of_an_earlier_gateway_are_waited_for(trouble: Trouble, namespace: str) -> None:
    trouble.create(namespace, "a")
    old = uid(trouble, namespace, "configmap")
    hold(trouble, namespace, "configmap")

    trouble.kubectl.run("-n", namespace, "delete", "tgw", "a", "--cascade=background")
    trouble.kubectl.apply(gateway("a", namespace))
    eventually(lambda: reason(trouble, namespace) == "WaitingForDeletion" or None)
    assert reason(trouble, namespace, "Stalled") is None
    hold(trouble, namespace, "configmap", FREED)

    trouble.complete(namespace, "a")
    assert uid(trouble, namespace, "configmap") != old


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
def test_a_gateway_deleted_and_made_again_at_once_is_whole_again(
    trouble: Trouble, namespace: str, cascade: str
) -> None:
    trouble.create(namespace, "a")
    before = trouble.complete(namespace, "a")
    secret = uid(trouble, namespace, "secret", "a-token")

    trouble.kubectl.run("-n", namespace, "delete", "tgw", "a", f"--cascade={cascade}")
    trouble.kubectl.apply(gateway("a", namespace))

    assert trouble.complete(namespace, "a") == before
    kept = uid(trouble, namespace, "secret", "a-token") == secret
    assert kept == (cascade == "orphan")
