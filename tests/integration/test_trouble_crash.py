"""The operator killed after each single write of a new tenant, or of a changed one: a restart always ends the same."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.faults import WRITES, then
from tests.integration.operator_harness import Manifest, binding, eventually, gateway
from tests.integration.trouble_harness import KINDS, Trouble

OPTIONS = ("--resync-seconds", "1000")
OURS = "(?!events).*"
SERVERS_OWN = ("clusterIP", "clusterIPs", "volumeName")
SHARED = {"accessModes": ["ReadWriteMany"]}
RICH: Manifest = {"storage": SHARED, "replicas": 2, "exposure": {"ingress": {"hosts": ["a.example.com"]}}}
POOR: Manifest = {"storage": SHARED, "networkPolicy": {"enabled": False}, "port": 18790}
"""What takes objects away from a rich Gateway and changes others."""


def ask_for(trouble: Trouble, namespace: str) -> None:
    trouble.kubectl.run("create", "namespace", namespace)
    trouble.kubectl.apply(binding("b", namespace, "a", "slack"))
    trouble.ask_for(namespace, "a", **RICH)


def told(trouble: Trouble, namespace: str) -> bool | None:
    """Whether everything is there and said, also to the binding."""
    status = trouble.kubectl.get("tab", "b", namespace).get("status", {})
    accepted = any(one["type"] == "Accepted" and one["status"] == "True" for one in status.get("conditions", ()))
    return (accepted and bool(trouble.is_told(namespace))) or None


def objects(trouble: Trouble, namespace: str) -> list[str]:
    """A tenant's objects without what differs from one to the other."""
    found = trouble.kubectl.items(f"{KINDS},ingress", namespace, "tenantry.dev/gateway=a")
    return sorted(json.dumps(comparable(each), sort_keys=True).replace(namespace, "NAMESPACE") for each in found)


def comparable(live: Manifest) -> dict[str, Any]:
    meta = live["metadata"]
    spec = {name: value for name, value in live.get("spec", {}).items() if name not in SERVERS_OWN}
    data = sorted(live.get("data", {})) if live["kind"] == "Secret" else live.get("data")
    owners = [(each["kind"], each["controller"]) for each in meta.get("ownerReferences", ())]
    kept = {"kind": live["kind"], "name": meta["name"], "labels": meta["labels"]}
    return {**kept, "owners": owners, "spec": spec, "data": data}


def made(trouble: Trouble, namespace: str) -> dict[str, Any]:
    """What was made at random: the token, and the audit log's key, by their Secrets' names."""
    found = trouble.kubectl.items("secrets", namespace, "tenantry.dev/gateway=a")
    return {each["metadata"]["name"]: each["data"] for each in found}


def writes(trouble: Trouble, namespace: str, since: int = 0) -> int:
    return len(trouble.proxy.asked(*WRITES, resource=OURS, namespace=namespace, since=since))


@contextmanager
def killed_after(trouble: Trouble, number: int, namespace: str) -> Iterator[subprocess.Popen[bytes]]:
    """While inside, the operator ends as soon as it has done a write, counted from 1. Then it starts again."""
    process = trouble.process
    kill = then(process.kill, told=False)
    with trouble.proxy.fault(kill, *WRITES, resource=OURS, namespace=namespace, skip=number - 1, times=1):
        yield process
    if process.poll() is not None:  # Statuses are sometimes told in fewer writes: then the last ones do not come.
        trouble.restart()


def test_killed_after_any_single_write_it_ends_in_the_same_objects_with_the_same_token(trouble: Trouble) -> None:
    ask_for(trouble, "crash-0")
    eventually(lambda: told(trouble, "crash-0"))
    wanted, number_of_writes = objects(trouble, "crash-0"), writes(trouble, "crash-0")
    assert len(wanted) == 10
    assert number_of_writes > len(wanted)

    def crash(number: int) -> None:
        namespace = f"crash-{number}"
        with killed_after(trouble, number, namespace) as process:
            ask_for(trouble, namespace)
            eventually(lambda: process.poll() is not None or told(trouble, namespace))
            left = made(trouble, namespace)
        eventually(lambda: told(trouble, namespace))
        assert objects(trouble, namespace) == wanted, f"killed after write {number}"
        assert left.items() <= made(trouble, namespace).items(), f"another token after write {number}"
        trouble.kubectl.run("delete", "namespace", namespace, "--wait=false")

    for number in range(1, number_of_writes + 1):
        crash(number)
    trouble.kubectl.run("delete", "namespace", "crash-0", "--wait=false")


def test_killed_after_any_single_write_of_a_change_it_ends_in_the_same_objects(trouble: Trouble) -> None:
    def change(namespace: str) -> None:
        trouble.kubectl.apply(gateway("a", namespace, **POOR))

    ask_for(trouble, "change-0")
    eventually(lambda: told(trouble, "change-0"))
    before = len(trouble.proxy.requests)
    change("change-0")
    eventually(lambda: told(trouble, "change-0"))
    wanted, number_of_writes = objects(trouble, "change-0"), writes(trouble, "change-0", before)
    assert len(wanted) == 7
    assert number_of_writes > 5

    def crash(number: int) -> None:
        namespace = f"change-{number}"
        ask_for(trouble, namespace)
        eventually(lambda: told(trouble, namespace))
        secret = made(trouble, namespace)
        with killed_after(trouble, number, namespace) as process:
            change(namespace)
            eventually(lambda: process.poll() is not None or told(trouble, namespace))
        eventually(lambda: objects(trouble, namespace) == wanted)
        eventually(lambda: told(trouble, namespace))
        assert made(trouble, namespace) == secret, f"another token after write {number}"
        trouble.kubectl.run("delete", "namespace", namespace, "--wait=false")

    for number in range(1, number_of_writes + 1):
        crash(number)
    trouble.kubectl.run("delete", "namespace", "change-0", "--wait=false")
