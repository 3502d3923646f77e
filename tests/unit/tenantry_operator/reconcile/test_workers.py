import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tenantry_operator.kube.kinds import Key
from tenantry_operator.reconcile import workers as module
from tenantry_operator.reconcile.queue import WorkQueue
from tenantry_operator.reconcile.workers import Workers


@dataclass
class Work:
    """Hangs for keys of the namespace ``bad`` until let go."""

    begun: list[Key] = field(default_factory=list)
    finished: list[Key] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, key: Key) -> None:
        self.begun.append(key)
        if key[0] == "bad":
            await self.let_go.wait()
        self.finished.append(key)


@asynccontextmanager
async def working(count: int) -> AsyncIterator[tuple[WorkQueue, Work]]:
    queue, work = WorkQueue(asyncio.get_running_loop(), lambda: 0.5), Work()
    workers = Workers(queue, work.look)
    tasks = [asyncio.create_task(workers.work()) for _ in range(count)]
    yield queue, work
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await workers.drain()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it waits for knows no events
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def soon_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.01)
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.01)


async def test_work_that_hangs_does_not_hold_up_other_keys() -> None:
    async with working(2) as (queue, work):
        for number in range(20):
            queue.add(("bad", str(number)))
        queue.add(("good", "x"))

        await until(lambda: ("good", "x") in work.finished)

        assert work.finished == [("good", "x")]
        work.let_go.set()
        await until(lambda: len(work.finished) == 21)


async def test_a_key_whose_work_hangs_is_not_worked_on_twice_at_once() -> None:
    async with working(2) as (queue, work):
        queue.add(("bad", "x"))
        await until(lambda: work.begun)
        queue.add(("bad", "x"))
        queue.add(("good", "y"))
        await until(lambda: work.finished)
        assert work.begun.count(("bad", "x")) == 1

        work.let_go.set()

        await until(lambda: work.begun.count(("bad", "x")) == 2)


async def test_no_more_than_so_many_pieces_of_work_hang_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SLOW", 3)
    async with working(1) as (queue, work):
        for number in range(10):
            queue.add(("bad", str(number)))
        await until(lambda: len(work.begun) == 4)
        assert len(queue) == 6

        work.let_go.set()

        await until(lambda: len(work.finished) == 10)


async def test_a_bug_in_the_work_ends_the_worker() -> None:
    async def broken(_: Key) -> None:
        raise ZeroDivisionError

    queue = WorkQueue(asyncio.get_running_loop(), lambda: 0.5)
    queue.add(("ns", "a"))

    with pytest.raises(ZeroDivisionError):
        await Workers(queue, broken).work()


async def test_at_the_end_work_in_flight_may_finish_and_what_hangs_is_cut_off() -> None:
    async with working(2) as (queue, work):
        queue.add(("bad", "x"))
        await until(lambda: work.begun)
    assert work.finished == []
