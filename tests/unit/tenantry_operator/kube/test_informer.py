import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tenantry_operator.kube import informer as module
from tenantry_operator.kube.cache import Cache, Labels, Record, record_of
from tenantry_operator.kube.informer import Informer, Scope
from tenantry_operator.kube.kinds import CONFIG_MAP
from tenantry_operator.kube.transport import Timeouts
from tests.unit.tenantry_operator.kube.scripted import Answer, Script, line, scripted, status

NAMES = Labels("g", "m")


def item(name: str, version: int) -> dict[str, Any]:
    meta = {"namespace": "ns", "name": name, "uid": f"u-{name}", "resourceVersion": str(version), "labels": {"g": "a"}}
    return {"metadata": meta}


def listed(version: int, *items: dict[str, Any]) -> Answer:
    return Answer(body={"metadata": {"resourceVersion": str(version)}, "items": list(items)})


def project(live: dict[str, Any]) -> Record:
    return record_of(live, NAMES, digest=live["metadata"]["resourceVersion"].encode())


class Running:
    """An informer on a script, until the script is exhausted."""

    def __init__(self, script: Script, scope: Scope) -> None:
        self.script = script
        self.told: list[tuple[str | None, str | None]] = []
        self.now = 0.0
        cache = Cache(CONFIG_MAP, project, self._listen)
        self.informer = Informer(script.client, cache, scope, clock=lambda: self.now, rand=lambda: 0.0)

    def _listen(self, old: Record | None, new: Record | None) -> None:
        self.told.append((old.key[1] if old else None, new.key[1] if new else None))

    def known(self) -> dict[str, int]:
        return {record.key[1]: record.version for record in self.informer.cache.of_gateway(("ns", "a"))}

    def watched_from(self) -> list[str | None]:
        """resourceVersion of each request; None for lists."""
        return [request.query.get("resourceVersion") for request in self.script.asked]


@asynccontextmanager
async def running(
    *answers: Answer, scope: Scope | None = None, timeouts: Timeouts | None = None
) -> AsyncIterator[Running]:
    async with scripted(*answers, timeouts=timeouts) as script:
        run = Running(script, scope or Scope(selector="g"))
        task = asyncio.create_task(run.informer.run())
        await asyncio.wait_for(script.exhausted.wait(), 10)
        yield run
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF", 0.001)


async def test_it_lists_then_watches_and_takes_up_the_watch_where_it_ended() -> None:
    watch = Answer(chunks=(line("ADDED", item("b", 6)), line("MODIFIED", item("a", 7)), line("DELETED", item("b", 8))))
    async with running(listed(5, item("a", 3)), watch) as run:
        assert run.known() == {"a": 7}
        assert run.watched_from() == [None, "5", "8"]
        assert run.told == [(None, "a"), (None, "b"), ("a", "a"), ("b", None)]
        assert run.informer.settled.is_set()


async def test_bookmarks_move_the_place_to_resume_from() -> None:
    bookmark = line("BOOKMARK", {"metadata": {"resourceVersion": "40"}})
    async with running(listed(5), Answer(chunks=(bookmark,))) as run:
        assert run.watched_from() == [None, "5", "40"]


@pytest.mark.parametrize(
    "end",
    [
        status(410, "Expired"),
        Answer(chunks=(line("ERROR", {"code": 410, "reason": "Expired", "message": "too old"}),)),
        Answer(chunks=(line("ERROR", {"code": 500, "reason": "InternalError", "message": "etcd"}),)),
    ],
    ids=["http-410", "event-410", "event-500"],
)
async def test_when_its_place_is_lost_it_lists_again_and_sees_deletions_that_it_missed(end: Answer) -> None:
    async with running(listed(5, item("a", 3), item("b", 4)), end, listed(9, item("b", 8))) as run:
        assert run.known() == {"b": 8}
        assert run.watched_from() == [None, "5", None, "9"]
        assert ("a", None) in run.told


async def test_a_cut_connection_and_a_half_written_line_lose_nothing() -> None:
    whole, half = line("ADDED", item("a", 6)), line("ADDED", item("b", 7))[:-30]
    cut, rest = Answer(chunks=(whole, half), drop=True), Answer(chunks=(line("ADDED", item("b", 7)),))
    async with running(listed(5), cut, rest) as run:
        assert run.known() == {"a": 6, "b": 7}
        assert run.watched_from() == [None, "5", "6", "7"]


async def test_a_silent_watch_is_given_up_and_taken_up_again() -> None:
    silent = Answer(chunks=(line("ADDED", item("a", 6)),), hang=True)
    async with running(listed(5), silent, timeouts=Timeouts(idle=0.05)) as run:
        assert run.watched_from()[:3] == [None, "5", "6"]


async def test_silence_however_often_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    silences = [Answer(hang=True)] * (module.RESUME_ATTEMPTS + 2)
    async with running(listed(5), *silences, timeouts=Timeouts(idle=0.05)) as run:
        assert run.watched_from()[: len(silences) + 1] == [None, *["5"] * len(silences)]
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_a_list_whose_token_expires_half_way_starts_again() -> None:
    first = Answer(body={"metadata": {"resourceVersion": "5", "continue": "t"}, "items": [item("a", 3)]})
    async with running(first, status(410, "Expired"), listed(7, item("b", 6))) as run:
        assert run.known() == {"b": 6}


async def test_a_forbidden_kind_is_a_problem_until_it_is_allowed() -> None:
    async with running(status(403, "Forbidden", 'cannot list resource "configmaps" in API group ""')) as run:
        assert run.informer.problem is not None
        assert run.informer.problem.permission == "list configmaps"
        assert run.informer.settled.is_set()
        assert run.known() == {}
    async with running(status(403, "Forbidden"), listed(5, item("a", 3))) as run:
        assert run.informer.problem is None
        assert run.known() == {"a": 3}


@pytest.mark.parametrize("refusal", [status(403, "Forbidden"), status(404, "NotFound")], ids=["forbidden", "no-api"])
async def test_an_optional_kind_that_cannot_be_read_is_not_known(refusal: Answer) -> None:
    async with running(refusal, scope=Scope(optional=True)) as run:
        assert run.informer.settled.is_set()
        assert not run.informer.known
    async with running(refusal, listed(5, item("a", 3)), scope=Scope(optional=True)) as run:
        assert run.informer.known


async def test_it_ends_with_the_api_where_told_to() -> None:
    watch = Answer(chunks=(line("ADDED", item("b", 6)),))
    async with scripted(listed(5, item("a", 3)), watch, status(403, "Forbidden"), status(404, "NotFound")) as script:
        cache = Cache(CONFIG_MAP, project, lambda *_: None)
        informer = Informer(script.client, cache, Scope(optional=True), clock=lambda: 0.0, rand=lambda: 0.0)
        await asyncio.wait_for(informer.run_while_served(), 10)
        assert not script.answers
        assert not informer.known


async def test_a_kind_is_watched_in_one_namespace() -> None:
    scope = Scope(selector="g", namespace="ns")
    async with running(listed(5, item("a", 3)), scope=scope) as run:
        assert {request.path for request in run.script.asked} == {"/api/v1/namespaces/ns/configmaps"}
        assert run.informer.name == "configmaps in ns"


async def test_events_of_unknown_types_are_passed_over() -> None:
    async with running(listed(5), Answer(chunks=(line("NOVEL", {}), line("ADDED", item("a", 6))))) as run:
        assert run.known() == {"a": 6}


async def test_its_age_is_the_time_since_the_last_sign_of_life() -> None:
    async with running(listed(5, item("a", 3))) as run:
        run.now = 70.0
        assert run.informer.age == 70.0
