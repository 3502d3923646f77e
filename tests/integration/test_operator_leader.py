"""Two replicas of the operator: one acts, and whatever becomes of it the other takes over, never both at once."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tests.integration.fault_proxy import FaultProxy
from tests.integration.faults import answer, unanswered
from tests.integration.operator_harness import (
    ACCOUNT,
    SYSTEM,
    WRITES,
    Manifest,
    Operator,
    eventually,
    gateway,
)

QUICK = ("--lease-seconds", "6", "--renew-seconds", "4", "--retry-seconds", "0.5")
"""Shorter than by default, so that nobody waits long for a dead one's Lease; long enough for a busy machine."""
PATIENT = ("--lease-seconds", "3600", "--renew-seconds", "1800", "--retry-seconds", "0.5")
"""A Lease that no test waits out."""


@dataclass
class Replicas:
    """Starts replicas, each with a log of its own."""

    control_plane: ControlPlane
    account: Path
    folder: Path
    kubectl: Kubectl
    running: list[Operator] = field(default_factory=list)

    def start(self, name: str, options: tuple[str, ...], *, lead: bool, kubeconfig: Path | None = None) -> Operator:
        one = Operator(self.control_plane, kubeconfig or self.account, self.folder / f"{name}.log", options, name=name)
        self.running.append(one)
        return one.start(lead=lead)

    def lease(self) -> Manifest:
        spec: Manifest = self.kubectl.get("lease", "tenantry-operator", SYSTEM)["spec"]
        return spec

    def holder(self) -> str:
        return str(self.lease()["holderIdentity"]).partition("_")[0]

    def writes(self, name: str, since: int) -> list[Manifest]:
        """The audit events of what a replica wrote for tenants."""
        return [
            event
            for event in self.control_plane.audit_events()[since:]
            if event["user"]["username"] == ACCOUNT
            and event["verb"] in WRITES
            and event["objectRef"]["resource"] not in {"leases", "events"}
            and f"({name})" in event["userAgent"]
        ]

    def served_by(self, name: str, namespace: str, gateway_name: str, since: int) -> None:
        """Wait until a replica has made a Gateway's objects."""
        eventually(lambda: self.kubectl.get("deployment", f"{gateway_name}-gateway", namespace))
        eventually(lambda: self.writes(name, since) or None)


@pytest.fixture
def replicas(
    operator: Operator, control_plane: ControlPlane, account: Path, kubectl: Kubectl, tmp_path: Path
) -> Iterator[Replicas]:
    """No replica yet; the operator that other tests share rests meanwhile."""
    operator.stop()
    found = Replicas(control_plane, account, tmp_path, kubectl)
    try:
        yield found
    finally:
        for one in found.running:
            one.kill(release_lease=False)
        operator.release_lease()
        operator.start()


def no_write_of_the_old_after_one_of_the_new(replicas: Replicas, old: str, new: str, since: int) -> None:
    """By the API server's own clock."""
    first = min(event["requestReceivedTimestamp"] for event in replicas.writes(new, since))
    last = max((event["stageTimestamp"] for event in replicas.writes(old, since)), default="")
    assert last < first, f"{old} wrote at {last}, {new} at {first}"


def test_one_replica_acts_and_the_other_is_ready_to(replicas: Replicas, namespace: str) -> None:
    since = len(replicas.control_plane.audit_events())
    first = replicas.start("first", QUICK, lead=True)
    second = replicas.start("second", QUICK, lead=False)

    replicas.kubectl.apply(gateway("a", namespace))
    replicas.served_by("first", namespace, "a", since)
    first.settled(1)

    assert replicas.holder() == "first"
    assert replicas.writes("second", since) == []
    assert first.leads()
    assert not second.leads()
    assert second.get("health", "/readyz") is not None
    assert second.get("health", "/healthz") is not None
    # Each Gateway is counted once over all replicas, and a standby has no work that waits.
    assert first.metric("tenantry_gateways") > 0
    assert second.metric("tenantry_gateways") == 0
    assert second.metric("tenantry_operator_queue_depth") == 0


def test_when_the_leader_is_killed_the_other_takes_over(replicas: Replicas, namespace: str) -> None:
    first = replicas.start("first", QUICK, lead=True)
    second = replicas.start("second", QUICK, lead=False)
    before = second.metric("tenantry_operator_lease_transitions")
    since = first.audited()

    first.kill(release_lease=False)
    replicas.kubectl.apply(gateway("a", namespace))

    eventually(second.leads)
    replicas.served_by("second", namespace, "a", since)
    eventually(lambda: second.metric("tenantry_operator_lease_transitions") == before + 1)
    note = "LeaderElected"
    eventually(lambda: [one for one in replicas.kubectl.items("events", SYSTEM) if one["reason"] == note] or None)


def test_a_leader_that_is_told_to_end_hands_over_at_once(replicas: Replicas, namespace: str) -> None:
    first = replicas.start("first", PATIENT, lead=True)
    second = replicas.start("second", PATIENT, lead=False)
    since = first.audited()

    assert first.stop() == 0

    eventually(second.leads)
    replicas.kubectl.apply(gateway("a", namespace))
    replicas.served_by("second", namespace, "a", since)
    assert "released the Lease tenantry-system/tenantry-operator" in first.tail()


@contextmanager
def refused(proxy: FaultProxy) -> Iterator[None]:
    """Nobody listens."""
    with proxy.outage():
        yield


@contextmanager
def silent(proxy: FaultProxy) -> Iterator[None]:
    """Every packet is lost: requests get no answer, and open watches show nothing more."""
    with ExitStack() as faults:
        faults.enter_context(proxy.fault(unanswered))
        for kind in ("gateways", "agentbindings", "leases", "configmaps", "deployments"):
            for watch in proxy.watches(kind):
                watch.stall()
        yield


@pytest.mark.parametrize("cut_off", [refused, silent])
def test_a_leader_that_is_cut_off_stops_acting_before_the_other_starts(
    replicas: Replicas, namespace: str, tmp_path: Path, cut_off: Any
) -> None:
    replicas.kubectl.apply(gateway("before", namespace))
    with FaultProxy(replicas.control_plane) as proxy:
        behind = proxy.kubeconfig(replicas.account, tmp_path / "kubeconfig")
        first = replicas.start("first", QUICK, lead=True, kubeconfig=behind)
        second = replicas.start("second", QUICK, lead=False)
        since = first.audited()
        replicas.kubectl.apply(gateway("last", namespace))
        replicas.served_by("first", namespace, "last", since)

        with cut_off(proxy):
            replicas.kubectl.apply(*(gateway(f"a{number}", namespace) for number in range(5)))
            eventually(second.leads)
            replicas.served_by("second", namespace, "a4", since)
            assert first.process is not None
            assert first.process.wait(30) == 1

    assert "is lost: it could not be renewed for 4 s" in first.tail()
    no_write_of_the_old_after_one_of_the_new(replicas, "first", "second", since)


def test_an_api_server_that_is_away_for_longer_than_a_term_is_outlived_by_the_standby(
    replicas: Replicas, namespace: str, tmp_path: Path
) -> None:
    with FaultProxy(replicas.control_plane) as proxy:
        behind = proxy.kubeconfig(replicas.account, tmp_path / "kubeconfig")
        first = replicas.start("first", QUICK, lead=True, kubeconfig=behind)
        second = replicas.start("second", QUICK, lead=False, kubeconfig=behind)
        since = first.audited()
        with proxy.outage():
            assert first.process is not None
            assert first.process.wait(30) == 1
            replicas.kubectl.apply(gateway("a", namespace))

        eventually(second.leads)
        replicas.served_by("second", namespace, "a", since)


def test_a_leader_that_was_stopped_for_longer_than_its_lease_writes_nothing_when_it_goes_on(
    replicas: Replicas, namespace: str
) -> None:
    first = replicas.start("first", QUICK, lead=True)
    second = replicas.start("second", QUICK, lead=False)
    since = first.audited()
    replicas.kubectl.apply(gateway("a", namespace))
    replicas.served_by("first", namespace, "a", since)
    assert first.process is not None

    first.process.send_signal(signal.SIGSTOP)
    try:
        # Much for it to do as soon as it goes on, all of it done by then.
        replicas.kubectl.apply(*(gateway(f"a{number}", namespace) for number in range(5)))
        eventually(second.leads)
        replicas.served_by("second", namespace, "a4", since)
    finally:
        first.process.send_signal(signal.SIGCONT)

    assert first.process.wait(30) == 1
    no_write_of_the_old_after_one_of_the_new(replicas, "first", "second", since)
    second.settled(6)


def test_a_lease_that_somebody_deletes_stays_with_its_holder(replicas: Replicas, namespace: str) -> None:
    first = replicas.start("first", PATIENT, lead=True)
    second = replicas.start("second", PATIENT, lead=False)
    since = first.audited()

    replicas.kubectl.run("-n", SYSTEM, "delete", "lease", "tenantry-operator")

    eventually(lambda: replicas.holder() == "first" or None)
    replicas.kubectl.apply(gateway("a", namespace))
    replicas.served_by("first", namespace, "a", since)
    assert not second.leads()


def test_a_lease_that_somebody_empties_goes_to_another_and_its_holder_ends(replicas: Replicas) -> None:
    first = replicas.start("first", PATIENT, lead=True)
    second = replicas.start("second", PATIENT, lead=False)

    patch = json.dumps({"spec": {"holderIdentity": ""}})
    replicas.kubectl.run("-n", SYSTEM, "patch", "lease", "tenantry-operator", "--type=merge", "-p", patch)

    assert first.process is not None
    assert first.process.wait(30) == 1
    eventually(second.leads)
    assert replicas.holder() == "second"


def test_a_replica_that_may_not_watch_the_lease_is_not_ready_and_says_so(replicas: Replicas, tmp_path: Path) -> None:
    with FaultProxy(replicas.control_plane) as proxy:
        behind = proxy.kubeconfig(replicas.account, tmp_path / "kubeconfig")
        message = 'leases is forbidden: User "x" cannot list resource "leases" in API group "coordination.k8s.io"'
        with proxy.fault(answer(403, "Forbidden", message), "list", resource="leases"):
            only = Operator(replicas.control_plane, behind, tmp_path / "only.log", QUICK, name="only")
            replicas.running.append(only)
            only.launch()
            reason = eventually(
                lambda: text if "leases" in (text := only.probe("/readyz")[1].get("reason", "")) else None
            )

        assert "Fix: grant create of leases in tenantry-system" in reason
        eventually(only.leads)
        assert only.probe("/readyz") == (200, {"status": "ok"})


def test_without_election_no_lease_is_touched(replicas: Replicas, namespace: str) -> None:
    before = replicas.lease()

    only = replicas.start("only", ("--no-leader-elect",), lead=True)
    replicas.kubectl.apply(gateway("a", namespace))
    eventually(lambda: replicas.kubectl.get("deployment", "a-gateway", namespace))

    assert replicas.lease() == before
    assert only.stop() == 0
