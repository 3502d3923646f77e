import asyncio
from typing import Any

from tenantry_operator.kube.cache import Labels
from tenantry_operator.kube.kinds import Key
from tenantry_operator.kube.secrets import Secrets
from tests.unit.tenantry_operator.kube.scripted import Answer, Script, scripted, status

GATEWAY, KEY = ("ns", "a"), ("ns", "anthropic")


def secret(version: int, name: str = "anthropic", labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    meta = {"namespace": "ns", "name": name, "uid": f"u-{name}", "resourceVersion": str(version)}
    return {"metadata": {**meta, "labels": labels or {}}, "data": data}


def metadata(version: int, **more: Any) -> dict[str, Any]:
    return {"metadata": secret(version, **more)["metadata"]}


class Told:
    def __init__(self, script: Script) -> None:
        self.gateways: list[Key] = []
        self.secrets = Secrets(script.client, Labels("g", "m"), self.gateways.append)
        self.secrets.want(GATEWAY, ["anthropic"])


async def test_the_keys_that_have_a_value_are_read_once() -> None:
    async with scripted(Answer(body=secret(5, key="eA==", empty=""))) as script:
        told = Told(script)

        for _ in range(3):
            known = await told.secrets.read(KEY)

        assert known.keys == frozenset({"key"})
        assert known.version == 5
        assert len(script.asked) == 1


async def test_an_absent_secret_is_asked_for_once_and_again_when_it_appears() -> None:
    async with scripted(status(404, "NotFound"), Answer(body=secret(7, key="eA=="))) as script:
        told = Told(script)
        assert (await told.secrets.read(KEY)).keys is None
        assert (await told.secrets.read(KEY)).keys is None

        told.secrets.cache.put(metadata(7))

        assert told.gateways == [GATEWAY]
        assert (await told.secrets.read(KEY)).keys == frozenset({"key"})
        assert len(script.asked) == 2


async def test_a_new_version_or_a_deletion_is_told_and_read_again() -> None:
    async with scripted(Answer(body=secret(5, key="eA==")), Answer(body=secret(6)), status(404)) as script:
        told = Told(script)
        await told.secrets.read(KEY)

        told.secrets.cache.put(metadata(6))
        assert (await told.secrets.read(KEY)).keys == frozenset()
        told.secrets.cache.deleted(metadata(8))
        assert (await told.secrets.read(KEY)).keys is None

        assert told.gateways == [GATEWAY, GATEWAY]


async def test_the_watchs_echo_of_what_was_read_costs_no_request() -> None:
    async with scripted(Answer(body=secret(5, key="eA=="))) as script:
        told = Told(script)
        await told.secrets.read(KEY)

        told.secrets.cache.put(metadata(5))
        await told.secrets.read(KEY)

        assert told.gateways == []
        assert len(script.asked) == 1


async def test_news_that_come_during_a_read_are_not_lost() -> None:
    async with scripted(Answer(body=secret(5, key="eA==")), Answer(body=secret(6, other="eA=="))) as script:
        told = Told(script)
        reading = asyncio.create_task(told.secrets.read(KEY))
        await script.first.wait()

        told.secrets.cache.put(metadata(6))
        await reading

        assert (await told.secrets.read(KEY)).keys == frozenset({"other"})


async def test_secrets_that_nobody_refers_to_are_not_kept() -> None:
    async with scripted() as script:
        told = Told(script)

        told.secrets.cache.put(metadata(3, name="unrelated"))
        told.secrets.cache.put(metadata(4, name="a-token", labels={"g": "a"}))

        assert len(told.secrets.cache) == 1
        assert told.gateways == [GATEWAY]


async def test_a_gateway_that_refers_to_a_secret_no_more_is_not_told_of_it() -> None:
    async with scripted() as script:
        told = Told(script)
        told.secrets.want(GATEWAY, [])

        told.secrets.cache.put(metadata(3))

        assert told.gateways == []
        assert len(told.secrets.cache) == 0


async def test_no_value_is_kept() -> None:
    async with scripted(Answer(body=secret(5, key="c2VjcmV0"))) as script:
        told = Told(script)
        known = await told.secrets.read(KEY)

    assert "c2VjcmV0" not in repr(known) + repr(told.secrets.cache.get(KEY))


async def test_a_secret_in_doubt_is_read_anew() -> None:
    async with scripted(Answer(body=secret(5, key="eA==")), Answer(body=secret(6, other="eA=="))) as script:
        told = Told(script)
        await told.secrets.read(KEY)

        told.secrets.doubt(KEY)

        assert (await told.secrets.read(KEY)).keys == frozenset({"other"})


async def test_what_the_operator_has_made_is_read_by_one_list_before_anybody_asks() -> None:
    ours = secret(5, name="a-token", labels={"g": "a", "m": "us"}, token="eA==")
    page = Answer(body={"metadata": {"resourceVersion": "6"}, "items": [ours]})
    async with scripted(page, Answer(body=secret(5, key="eA=="))) as script:
        told = Told(script)
        await told.secrets.read_ours("us")

        told.secrets.want(GATEWAY, ["a-token", "anthropic"])
        assert (await told.secrets.read(("ns", "a-token"))).keys == frozenset({"token"})
        assert (await told.secrets.read(KEY)).keys == frozenset({"key"})

    listed, single = script.asked
    assert listed.query["labelSelector"] == "g,m=us"
    assert single.path.endswith("/secrets/anthropic")


async def test_what_a_list_has_told_is_read_anew_once_it_has_changed() -> None:
    ours = secret(5, name="a-token", labels={"g": "a"}, token="eA==")
    page = Answer(body={"metadata": {"resourceVersion": "6"}, "items": [ours]})
    async with scripted(page, Answer(body=secret(7, name="a-token", labels={"g": "a"}, other="eA=="))) as script:
        told = Told(script)
        await told.secrets.read_ours("us")
        told.secrets.want(GATEWAY, ["a-token"])

        told.secrets.cache.put(metadata(7, name="a-token", labels={"g": "a"}))

        assert (await told.secrets.read(("ns", "a-token"))).keys == frozenset({"other"})


async def test_a_list_that_comes_late_does_not_bring_back_what_was_there_before() -> None:
    old = secret(5, name="a-token", labels={"g": "a"}, token="eA==")
    page = Answer(body={"metadata": {"resourceVersion": "6"}, "items": [old]})
    async with scripted(page, Answer(body=secret(7, name="a-token", labels={"g": "a"}, other="eA=="))) as script:
        told = Told(script)
        told.secrets.cache.put(metadata(7, name="a-token", labels={"g": "a"}))

        await told.secrets.read_ours("us")
        told.secrets.want(GATEWAY, ["a-token"])

        assert (await told.secrets.read(("ns", "a-token"))).keys == frozenset({"other"})
