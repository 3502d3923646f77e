"""A rotation whose operator is killed after each write, or has a second one beside it: always exactly one rotation."""

from collections import Counter
from pathlib import Path

import pytest

from dev.cluster.control_plane import ControlPlane
from tests.integration.faults import then
from tests.integration.operator_harness import ACCOUNT, Operator, eventually
from tests.integration.rotation_harness import Tenant
from tests.integration.trouble_harness import Trouble

OPTIONS = ("--resync-seconds", "1000")
RACES = 5


def made(trouble: Trouble, namespace: str) -> Tenant:
    """A tenant with all its objects."""
    trouble.kubectl.run("create", "namespace", namespace)
    trouble.create(namespace, "a")
    return Tenant(trouble.kubectl, namespace)


@pytest.mark.parametrize(("write", "phase"), [(0, "Staged"), (1, "Overlap"), (2, None)])
def test_killed_after_any_write_of_a_rotation_it_goes_on_with_the_same_tokens(
    trouble: Trouble, write: int, phase: str | None
) -> None:
    namespace = f"rotation-killed-{write}"
    tenant, process = made(trouble, namespace), trouble.process
    old = tenant.tokens()["token"]
    kill = then(process.kill, told=False)
    with trouble.proxy.fault(kill, "patch", resource="secrets", namespace=namespace, skip=write, times=1):
        tenant.ask("1")
        if phase is None:
            tenant.reaches("Overlap")
            tenant.age("rotated-at", 3600)
        eventually(lambda: process.poll() is not None or None)
    left = tenant.tokens()
    assert tenant.phase() == phase

    trouble.restart()

    done = tenant.reaches(None if phase is None else "Overlap")
    tenant.says("Rotated" if phase is None else "InOverlap")
    new = left["previous-token"] if phase == "Staged" else left["token"]
    assert done["token"] == new != old
    assert done.get("previous-token") == (None if phase is None else old)
    status = trouble.kubectl.get("tgw", "a", namespace)["status"]
    assert status["lastTokenRotation"] == "1"


def test_two_operators_at_once_make_one_rotation_of_each_request(
    trouble: Trouble, control_plane: ControlPlane, account: Path, tmp_path: Path
) -> None:
    tenants = [made(trouble, f"rotation-race-{number}") for number in range(RACES)]
    old = [tenant.tokens()["token"] for tenant in tenants]
    other = Operator(control_plane, account, tmp_path / "other.log", ("--no-leader-elect", *OPTIONS)).start()
    try:
        other.settled(RACES)
        for tenant in tenants:
            tenant.ask("1")
        done = [tenant.reaches("Overlap") for tenant in tenants]
        for tenant in tenants:
            tenant.says("InOverlap")
    finally:
        other.stop()

    assert [each["previous-token"] for each in done] == old
    written = Counter(
        reference["namespace"]
        for event in control_plane.audit_events()
        for reference in [event.get("objectRef", {})]
        if (event["user"]["username"], event["verb"]) == (ACCOUNT, "patch")
        and reference.get("resource") == "secrets"
        and event["responseStatus"]["code"] == 200
    )
    assert [written[tenant.namespace] for tenant in tenants] == [2] * RACES
