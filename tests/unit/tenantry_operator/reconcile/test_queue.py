import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.reconcile.queue import FAIR, MAX_DELAY, Priority, WorkQueue

A, B, C = ("ns", "a"), ("ns", "b"), ("ns", "c")


@dataclass
class FakeTimer:
    due: float
    callback: Callable[[], object] | None

    def cancel(self) -> None:
        self.callback = None

    def when(self) -> float:
        return self.due


@dataclass
class FakeTimers:
    now: float = 0.0
    timers: list[FakeTimer] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> FakeTimer:
        timer = FakeTimer(when, callback)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for timer in [timer for timer in self.timers if timer.due <= self.now]:
            self.timers.remove(timer)
            if timer.callback is not None:
                timer.callback()


@dataclass
class Watched:
    depths: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def depth(self, keys: int) -> None:
        self.depths.append(keys)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def timers() -> FakeTimers:
    return FakeTimers()


@pytest.fixture
def queue(timers: FakeTimers) -> WorkQueue:
    return WorkQueue(timers, lambda: 0.5)


def test_keys_come_in_the_order_in_which_they_were_added_and_each_once(queue: WorkQueue) -> None:
    for key in (A, B, A):
        queue.add(key)

    assert [queue.take(), queue.take(), queue.take()] == [A, B, None]


def test_a_key_that_a_worker_has_is_handed_out_again_only_after_it_is_done(queue: WorkQueue) -> None:
    queue.add(A)
    assert queue.take() == A
    queue.add(A)
    assert queue.take() is None

    queue.done(A)

    assert queue.take() == A


def test_a_key_that_was_not_added_meanwhile_does_not_come_back(queue: WorkQueue) -> None:
    queue.add(A)
    queue.take()

    queue.done(A)

    assert queue.take() is None


def test_fresh_changes_go_before_the_background_and_lift_what_waits_there(queue: WorkQueue) -> None:
    queue.add(A, Priority.BACKGROUND)
    queue.add(B, Priority.BACKGROUND)
    queue.add(C)
    queue.add(B)

    assert [queue.take(), queue.take(), queue.take(), queue.take()] == [C, B, A, None]


def test_first_looks_go_before_what_follows_from_them_and_that_before_the_rest(queue: WorkQueue) -> None:
    queue.add(A, Priority.BACKGROUND)
    queue.add(B, Priority.FOLLOW)
    queue.add(C, Priority.START)

    assert [queue.take(), queue.take(), queue.take()] == [C, B, A]


def test_what_waits_behind_an_endless_storm_of_fresh_changes_gets_its_turn(
    queue: WorkQueue, timers: FakeTimers
) -> None:
    queue.add(A, Priority.BACKGROUND)
    taken = []
    for number in range(3 * FAIR):
        timers.advance(0.01)
        queue.add(("storm", str(number)))
        queue.add(("storm", f"{number} too"))
        taken.append(queue.take())

    assert A in taken[:FAIR]
    assert taken.count(A) == 1


def test_the_backlog_is_what_goes_before_all_that_follows(queue: WorkQueue) -> None:
    for key, priority in ((A, Priority.FRESH), (B, Priority.START), (C, Priority.FOLLOW)):
        queue.add(key, priority)
    assert queue.backlog == 2

    assert queue.take() == A
    assert queue.backlog == 1


def test_a_background_add_does_not_lower_a_fresh_key(queue: WorkQueue) -> None:
    queue.add(A)
    queue.add(A, Priority.BACKGROUND)
    queue.add(B)

    assert [queue.take(), queue.take(), queue.take()] == [A, B, None]


def test_a_fresh_change_of_a_key_in_work_makes_it_fresh_when_it_comes_back(queue: WorkQueue) -> None:
    queue.add(A)
    queue.take()
    queue.add(A, Priority.BACKGROUND)
    queue.add(A)
    queue.add(B, Priority.BACKGROUND)

    queue.done(A)

    assert [queue.take(), queue.take()] == [A, B]


def test_what_a_worker_has_written_itself_is_looked_at_after_what_others_have_changed(queue: WorkQueue) -> None:
    queue.add(A)
    assert queue.take() == A
    queue.add_child(A)
    queue.done(A)
    queue.add(B, Priority.START)
    queue.add_child(C)

    assert [queue.take(), queue.take(), queue.take()] == [C, B, A]


def test_of_several_later_looks_the_earliest_counts(queue: WorkQueue, timers: FakeTimers) -> None:
    queue.add_after(A, 5)
    queue.add_after(A, 2)
    queue.add_after(A, 9)

    timers.advance(1.9)
    assert queue.take() is None
    timers.advance(0.2)
    assert queue.take() == A
    queue.done(A)
    timers.advance(20)
    assert queue.take() is None


def test_failures_double_the_pause_up_to_a_limit_and_success_resets_it(queue: WorkQueue, timers: FakeTimers) -> None:
    pauses = []
    for _ in range(14):
        pauses.append(queue.retry(A))
        timers.advance(pauses[-1])
        assert queue.take() == A
        queue.done(A)

    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == MAX_DELAY
    queue.forget(A)
    assert queue.retry(A) == 0.1


def test_a_pause_is_never_shorter_than_the_server_asked_for(queue: WorkQueue) -> None:
    assert queue.retry(A, at_least=7.0) == 7.0


def test_a_closed_queue_brings_nothing_back(queue: WorkQueue, timers: FakeTimers) -> None:
    queue.add_after(A, 1)

    queue.close()
    timers.advance(2)

    assert queue.take() is None


def test_depth_and_waiting_time_are_told(timers: FakeTimers) -> None:
    watched = Watched()
    queue = WorkQueue(timers, lambda: 0.0, watched)
    queue.add(A)
    queue.add(B)
    timers.advance(3)

    queue.take()

    assert watched.depths == [1, 2, 1]
    assert watched.waits == [3.0]


async def test_a_worker_that_waits_is_woken() -> None:
    queue = WorkQueue(asyncio.get_running_loop(), lambda: 0.0)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)

    queue.add(A)

    assert await waiting == A


@dataclass
class Workers:
    """Any number of workers on one queue, and which keys they still owe a look."""

    queue: WorkQueue
    working: set[tuple[str, str]] = field(default_factory=set)
    owed: set[tuple[str, str]] = field(default_factory=set)

    def take(self) -> bool:
        key = self.queue.take()
        if key is None:
            return False
        assert key not in self.working, "two workers have the same key"
        self.working.add(key)
        self.owed.discard(key)
        return True

    def done(self, key: tuple[str, str]) -> None:
        if key in self.working:
            self.working.discard(key)
            self.queue.done(key)

    def add(self, key: tuple[str, str], how: str) -> None:
        self.owed.add(key)
        if how == "later":
            self.queue.add_after(key, 1)
        else:
            self.queue.add(key, Priority[how.upper()])

    def finish(self) -> None:
        while self.take() or self.working:
            for key in tuple(self.working):
                self.done(key)


KEYS = st.sampled_from([A, B, C])
STEPS = st.lists(
    st.tuples(st.sampled_from(["fresh", "start", "follow", "background", "later", "take", "done"]), KEYS), max_size=40
)


@given(STEPS)
def test_no_key_is_lost_and_none_is_worked_on_twice_at_once(steps: list[tuple[str, tuple[str, str]]]) -> None:
    timers = FakeTimers()
    workers = Workers(WorkQueue(timers, lambda: 0.5))
    for step, key in steps:
        if step == "take":
            workers.take()
        elif step == "done":
            workers.done(key)
        else:
            workers.add(key, step)

    timers.advance(10)
    workers.finish()

    assert workers.owed == set()
    assert len(workers.queue) == 0


def test_a_retry_waits_behind_fresh_changes_of_other_keys(queue: WorkQueue, timers: FakeTimers) -> None:
    queue.add(A)
    queue.take()
    queue.retry(A)
    queue.done(A)
    timers.advance(MAX_DELAY)

    queue.add(B)

    assert [queue.take(), queue.take()] == [B, A]


def test_while_the_server_asks_to_wait_a_key_is_not_handed_out_whatever_happens(
    queue: WorkQueue, timers: FakeTimers
) -> None:
    queue.add(A)
    queue.take()
    queue.add(A)
    assert queue.retry(A, at_least=30.0) == 30.0
    queue.done(A)
    queue.add(A)
    queue.add_after(A, 1.0)
    queue.add(B)

    timers.advance(29.0)
    assert [queue.take(), queue.take()] == [B, None]
    timers.advance(1.0)
    assert [queue.take(), queue.take()] == [A, None]


def test_a_success_ends_the_wait_that_the_server_asked_for(queue: WorkQueue) -> None:
    queue.add(A)
    queue.take()
    queue.retry(A, at_least=30.0)
    queue.forget(A)
    queue.done(A)

    queue.add(A)

    assert queue.take() == A
