import pytest

from tenantry_operator.kube.errors import ForbiddenError
from tenantry_operator.kube.kinds import GATEWAY, Key
from tenantry_operator.reconcile.lists import Lister
from tenantry_operator.reconcile.store import Store
from tests.unit.tenantry_operator.kube.scripted import Answer, Script, scripted, status
from tests.unit.tenantry_operator.reconcile.test_store import gateway


def page(version: int, *names: str, more: str = "") -> Answer:
    items = [gateway(number, name) for number, name in enumerate(names, start=1)]
    return Answer(body={"metadata": {"resourceVersion": str(version), "continue": more}, "items": items})


class Listed:
    def __init__(self, script: Script) -> None:
        self.store = Store.empty()
        self.told: list[Key] = []
        self.lister = Lister(script.client, GATEWAY, self.store.gateways, self.told.append)

    def blind(self) -> bool:
        return self.lister.problem is not None

    def names(self) -> list[str]:
        return sorted(entry.meta.name for entry in self.store.gateways)


async def test_a_list_brings_in_what_is_there_and_takes_out_what_is_gone() -> None:
    async with scripted(page(5, "a", "b"), page(9, "b", "c")) as script:
        listed = Listed(script)
        await listed.lister.refresh()
        assert listed.told == [("ns", "a"), ("ns", "b")]

        await listed.lister.refresh()

        assert listed.names() == ["b", "c"]
        assert listed.told[2:] == [("ns", "c"), ("ns", "a")]


async def test_a_list_with_no_news_tells_nothing() -> None:
    async with scripted(page(5, "a"), page(5, "a")) as script:
        listed = Listed(script)
        await listed.lister.refresh()
        await listed.lister.refresh()

    assert listed.told == [("ns", "a")]


async def test_a_list_that_expires_half_way_starts_again() -> None:
    async with scripted(page(5, "a", more="token"), status(410, "Expired"), page(6, "b")) as script:
        listed = Listed(script)
        await listed.lister.refresh()

    assert [request.query.get("continue") for request in script.asked] == [None, "token", None]
    assert "a" not in listed.names()


async def test_one_namespace_of_several_that_may_not_be_listed_does_not_hold_up_the_start_and_heals() -> None:
    async with scripted(status(403, "Forbidden"), page(5, "a"), status(403, "Forbidden")) as script:
        listed = Listed(script)
        listed.lister.namespace = "ns"

        with pytest.raises(ForbiddenError):
            await listed.lister.refresh()
        assert listed.lister.settled.is_set()
        assert listed.blind()
        assert script.asked[0].path == "/apis/tenantry.dev/v1alpha1/namespaces/ns/gateways"

        await listed.lister.refresh()
        assert not listed.blind()

        # What was listed once is followed by the watch: a later refusal makes nothing unknown.
        with pytest.raises(ForbiddenError):
            await listed.lister.refresh()
        assert not listed.blind()


async def test_a_list_of_everything_that_is_forbidden_is_waited_for() -> None:
    async with scripted(status(403, "Forbidden")) as script:
        listed = Listed(script)

        with pytest.raises(ForbiddenError):
            await listed.lister.refresh()

        assert not listed.lister.settled.is_set()
