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
