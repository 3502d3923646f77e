"""The operator killed after each single write of a new tenant: a restart always ends in the same objects."""

import json
from typing import Any

from tests.integration.faults import WRITES, then
from tests.integration.operator_harness import Manifest, binding, eventually
from tests.integration.trouble_harness import KINDS, Trouble

OPTIONS = ("--resync-seconds", "1000")
OURS = "(?!events).*"
SERVERS_OWN = ("clusterIP", "clusterIPs", "volumeName")


def ask_for(trouble: Trouble, namespace: str) -> None:
    trouble.kubectl.run("create", "namespace", namespace)
    trouble.kubectl.apply(binding("b", namespace, "a", "slack"))
    trouble.ask_for(namespace, "a")


def told(trouble: Trouble, namespace: str) -> bool | None:
    """Whether everything is there and said, also to the binding."""
    status = trouble.kubectl.get("tab", "b", namespace).get("status", {})
    accepted = any(one["type"] == "Accepted" and one["status"] == "True" for one in status.get("conditions", ()))
    return (accepted and bool(trouble.told(namespace))) or None


def objects(trouble: Trouble, namespace: str) -> list[str]:
    """A tenant's objects without what differs from one to the other."""
    found = trouble.kubectl.items(KINDS, namespace, "tenantry.dev/gateway=a")
    return sorted(json.dumps(comparable(each), sort_keys=True).replace(namespace, "NAMESPACE") for each in found)


def comparable(live: Manifest) -> dict[str, Any]:
    meta = live["metadata"]
    spec = {name: value for name, value in live.get("spec", {}).items() if name not in SERVERS_OWN}
    data = sorted(live.get("data", {})) if live["kind"] == "Secret" else live.get("data")
    owners = [(each["kind"], each["controller"]) for each in meta.get("ownerReferences", ())]
    kept = {"kind": live["kind"], "name": meta["name"], "labels": meta["labels"]}
    return {**kept, "owners": owners, "spec": spec, "data": data}


def token(trouble: Trouble, namespace: str) -> Any:
    """The generated token, if there is one."""
    return [each["data"] for each in trouble.kubectl.items("secrets", namespace, "tenantry.dev/gateway=a")]


def test_killed_after_any_single_write_it_ends_in_the_same_objects_with_the_same_token(trouble: Trouble) -> None:
    ask_for(trouble, "crash-0")
    eventually(lambda: told(trouble, "crash-0"))
    wanted = objects(trouble, "crash-0")
    writes = trouble.proxy.asked(*WRITES, resource=OURS, namespace="crash-0")
    assert len(wanted) >= 5
    assert len(writes) > len(wanted)

    for number in range(1, len(writes) + 1):
        namespace, process = f"crash-{number}", trouble.process
        kill = then(process.kill, told=False)
        with trouble.proxy.fault(kill, *WRITES, resource=OURS, namespace=namespace, skip=number - 1, times=1):
            ask_for(trouble, namespace)
            eventually(lambda: process.poll() is not None or told(trouble, namespace))  # noqa: B023 - used at once
        left = token(trouble, namespace)
        if process.poll() is not None:  # Statuses are sometimes told in fewer writes: then the last ones do not come.
            trouble.restart()
        eventually(lambda: told(trouble, namespace))  # noqa: B023 - used at once
        assert objects(trouble, namespace) == wanted, f"killed after write {number}"
        assert left in ([], token(trouble, namespace)), f"another token after write {number}"
        trouble.kubectl.run("delete", "namespace", namespace, "--wait=false")
    trouble.kubectl.run("delete", "namespace", "crash-0", "--wait=false")
