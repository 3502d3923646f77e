"""Watches that close, lie, fall silent or break in the middle of a line: nothing is lost, and the process goes on."""

from collections.abc import Iterator

import pytest

from tests.integration.faults import answer, without
from tests.integration.operator_harness import binding, eventually
from tests.integration.trouble_harness import Trouble

OPTIONS = ("--watch-idle-seconds", "4", "--relist-seconds", "3")

NAMESPACE = "trouble-watches"
GATEWAYS = 32
OURS = "configmaps"
KOPFS = "gateways"
both = pytest.mark.parametrize("resource", [OURS, KOPFS])


@pytest.fixture(scope="module")
def tenants(trouble: Trouble) -> Iterator[Iterator[str]]:
    """Gateways to use one after the other; at the end their operator is still the first one.

    One for each test: to edit the same object in test after test would be a fight.
    """
    names = [f"g-{number}" for number in range(GATEWAYS)]
    trouble.kubectl.run("create", "namespace", NAMESPACE)
    trouble.create(NAMESPACE, *names)
    process = trouble.process
    yield iter(names)
    trouble.kubectl.run("-n", NAMESPACE, "delete", "tgw", "--all", "--wait=false")
    assert process.poll() is None
    assert process is trouble.process


@pytest.fixture
def tenant(tenants: Iterator[str]) -> str:
    """A Gateway of the test's own."""
    return next(tenants)


def opened(trouble: Trouble, resource: str, mark: int) -> None:
    """Wait until a watch of a resource was opened after ``mark`` requests."""
    eventually(lambda: trouble.proxy.asked("watch", resource=resource, since=mark) or None)


def listed(trouble: Trouble, resource: str, mark: int) -> None:
    eventually(lambda: trouble.proxy.asked("list", resource=resource, since=mark) or None)


@both
@pytest.mark.parametrize("end", ["close", "cut", "cut_next_line"])
def test_a_watch_that_ends_is_taken_up_again_where_it_ended(
    trouble: Trouble, tenant: str, resource: str, end: str
) -> None:
    mark = len(trouble.proxy.requests)

    for watch in trouble.proxy.watches(resource):
        getattr(watch, end)()

    trouble.works(NAMESPACE, tenant)
    opened(trouble, resource, mark)


@both
@pytest.mark.parametrize("code", [410, 403, 500])
def test_an_error_event_in_a_watch_is_answered_by_a_new_list(
    trouble: Trouble, tenant: str, resource: str, code: int
) -> None:
    mark = len(trouble.proxy.requests)

    for watch in trouble.proxy.watches(resource):
        watch.error(code, "Expired" if code == 410 else "InternalError")

    listed(trouble, resource, mark)
    trouble.works(NAMESPACE, tenant)


@both
@pytest.mark.parametrize("code", [404, 410, 429, 500])
def test_a_watch_that_is_refused_is_opened_after_a_pause_or_a_new_list(
    trouble: Trouble, tenant: str, resource: str, code: int
) -> None:
    with trouble.proxy.fault(answer(code), "watch", resource=resource, times=2) as refusal:
        for watch in trouble.proxy.watches(resource):
            watch.close()
        eventually(lambda: refusal.met == 2 or None)

    trouble.works(NAMESPACE, tenant)


@both
@pytest.mark.parametrize("code", [410, 429, 500])
def test_a_list_that_is_refused_is_asked_for_again(trouble: Trouble, tenant: str, resource: str, code: int) -> None:
    with trouble.proxy.fault(answer(code), "list", resource=resource, times=2) as refusal:
        for watch in trouble.proxy.watches(resource):
            watch.error(410, "Expired")
        eventually(lambda: refusal.met == 2 or None)

    trouble.works(NAMESPACE, tenant)


@both
def test_a_watch_that_falls_silent_is_noticed_and_opened_again(trouble: Trouble, tenant: str, resource: str) -> None:
    mark = len(trouble.proxy.requests)

    for watch in trouble.proxy.watches(resource):
        watch.stall()

    trouble.works(NAMESPACE, tenant)
    opened(trouble, resource, mark)


def test_a_deletion_that_kopf_is_never_told_of_is_found_by_the_next_list(trouble: Trouble, tenant: str) -> None:
    trouble.kubectl.apply(binding("b", NAMESPACE, tenant, "slack"))
    eventually(lambda: "slack" in trouble.config(NAMESPACE, tenant) or None)

    with trouble.proxy.fault(without("DELETED"), "watch", resource="agentbindings"):
        for watch in trouble.proxy.watches("agentbindings"):
            watch.close()
        eventually(lambda: trouble.proxy.watches("agentbindings") or None)
        trouble.kubectl.run("-n", NAMESPACE, "delete", "tab", "b")
        eventually(lambda: "slack" not in trouble.config(NAMESPACE, tenant) or None)


def test_a_deletion_while_a_kind_is_listed_again_is_noticed(trouble: Trouble, tenant: str) -> None:
    uid = trouble.kubectl.get("service", f"{tenant}-gateway", NAMESPACE)["metadata"]["uid"]

    with trouble.proxy.fault(answer(503), "list", "watch", resource="services") as away:
        for watch in trouble.proxy.watches("services"):
            watch.error(410, "Expired")
        eventually(lambda: away.met or None)
        trouble.kubectl.run("-n", NAMESPACE, "delete", "service", f"{tenant}-gateway")

    eventually(lambda: trouble.kubectl.get("service", f"{tenant}-gateway", NAMESPACE)["metadata"]["uid"] != uid or None)
