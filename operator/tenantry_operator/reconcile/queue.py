"""The queue of keys to look at, with the semantics of client-go's work queue.

A key waits at most once however often it is added; while a worker has it, it is not handed out again but waits until
the worker is done. Keys that fail come back after an exponential pause with jitter. Fresh changes go before start-up,
and that before what can wait, which is never left to wait for ever: see ``Priority`` and ``FAIR``. Clock, timers and
randomness are arguments: see ``Timers``.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Protocol

from tenantry_operator.kube.kinds import Key

BASE_DELAY = 0.1
MAX_DELAY = 60.0
"""Seconds: pauses after the first failure, and at most."""
FAIR = 16
"""Of so many keys one is that which has waited longest, whatever its priority."""


class Priority(IntEnum):
    """Which keys go first."""

    FRESH = 0
    """Somebody has just changed something."""
    START = 1
    """The first look since this replica acts."""
    FOLLOW = 2
    """Controllers, kubelets and gateways follow what was written; what is still to be written goes first."""
    BACKGROUND = 3
    """Resync, and another attempt after a failure."""


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Do not call."""
        ...

    def when(self) -> float:
        """When it is due."""
        ...


class Timers(Protocol):
    """The part of an event loop that the queue needs; an asyncio loop has it."""

    def time(self) -> float:
        """Monotonic seconds."""
        ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call back at a time of this clock."""
        ...


class QueueObserver(Protocol):
    """Told about the queue's life, for metrics."""

    def depth(self, keys: int) -> None:
        """The number of waiting keys changed."""
        ...

    def waited(self, seconds: float) -> None:
        """A key was handed to a worker after this time."""
        ...


@dataclass(slots=True)
class _Waiting:
    since: float
    priority: Priority


@dataclass(slots=True)
class WorkQueue:
    """A queue for one event loop; not for several threads."""

    timers: Timers
    rand: Callable[[], float]
    observer: QueueObserver | None = None
    _lanes: dict[Priority, OrderedDict[Key, float]] = field(
        default_factory=lambda: {priority: OrderedDict() for priority in Priority}
    )
    """Keys that wait for a worker, and since when."""
    _processing: set[Key] = field(default_factory=set)
    _again: dict[Key, _Waiting] = field(default_factory=dict)
    """Keys that were added while a worker had them."""
    _failures: dict[Key, int] = field(default_factory=dict)
    _held: dict[Key, float] = field(default_factory=dict)
    """When keys may be looked at again at the earliest."""
    _later: dict[Key, Timer] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: int = 0
    _closed: bool = False

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    @property
    def backlog(self) -> int:
        """How many keys wait whose work comes before all that only follows."""
        return len(self._lanes[Priority.FRESH]) + len(self._lanes[Priority.START])

    def add(self, key: Key, priority: Priority = Priority.FRESH) -> None:
        """Look at a key as soon as a worker is free; a closed queue takes nothing in."""
        if self._closed:
            return
        now = self.timers.time()
        if key in self._processing:
            waiting = self._again.setdefault(key, _Waiting(now, priority))
            waiting.priority = min(waiting.priority, priority)
            return
        self._enqueue(key, priority, now)

    def add_child(self, key: Key) -> None:
        """Look at a key one of whose objects has changed: while a worker has it, most likely by its own writes."""
        self.add(key, Priority.FOLLOW if key in self._processing else Priority.FRESH)

    def add_after(self, key: Key, seconds: float, priority: Priority = Priority.FOLLOW) -> None:
        """Look at a key later; of several such calls the earliest counts. A closed queue takes nothing in."""
        if self._closed:
            return
        due = self.timers.time() + seconds
        timer = self._later.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._later[key] = self.timers.call_at(due, partial(self._due, key, priority))

    def retry(self, key: Key, at_least: float = 0.0) -> float:
        """Look at a key again after a pause that doubles with each failure. Returns the pause in seconds.

        It goes behind fresh changes of other keys. Before ``at_least`` seconds are over it is not looked at whatever
        happens to it: the API server has asked for that.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(MAX_DELAY, BASE_DELAY * 2.0 ** min(failures - 1, 30))
        pause = max(pause * (0.75 + self.rand() / 2), at_least)
        if at_least > 0:
            self._held[key] = self.timers.time() + at_least
        self.add_after(key, pause, Priority.BACKGROUND)
        return pause

    def forget(self, key: Key) -> None:
        """The key's work has succeeded: its next failure starts with the shortest pause."""
        self._failures.pop(key, None)
        self._held.pop(key, None)

    def take(self) -> Key | None:
        """The next key, or None if none waits. The caller must call ``done`` when it has worked on it."""
        waiting = [lane for lane in self._lanes.values() if lane]
        if not waiting:
            return None
        self._taken += 1
        lane = waiting[0] if self._taken % FAIR else min(waiting, key=_longest_wait)
        key, since = lane.popitem(last=False)
        self._processing.add(key)
        self._tell(waited=self.timers.time() - since)
        return key

    async def get(self) -> Key:
        """The next key, as soon as there is one. The caller must call ``done`` when it has worked on it."""
        while (key := self.take()) is None:
            self._wake.clear()
            await self._wake.wait()
        return key

    def done(self, key: Key) -> None:
        """A worker is done with a key; it is handed out again if it was added meanwhile."""
        self._processing.discard(key)
        waiting = self._again.pop(key, None)
        if waiting is not None:
            self._enqueue(key, waiting.priority, waiting.since)

    def close(self) -> None:
        """Take nothing in, and cancel everything that is due later."""
        self._closed = True
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()

    def open(self) -> None:
        """Take in keys (again)."""
        self._closed = False

    def _enqueue(self, key: Key, priority: Priority, since: float) -> None:
        if (held := self._held.get(key, 0.0) - self.timers.time()) > 0:
            self.add_after(key, held, priority)
            return
        for other, lane in self._lanes.items():
            if key in lane and other <= priority:
                return
            since = lane.pop(key, since)
        self._lanes[priority][key] = since
        self._tell()
        self._wake.set()

    def _due(self, key: Key, priority: Priority) -> None:
        self._later.pop(key, None)
        self.add(key, priority)

    def _tell(self, waited: float | None = None) -> None:
        if self.observer is None:
            return
        self.observer.depth(len(self))
        if waited is not None:
            self.observer.waited(waited)


def _longest_wait(lane: OrderedDict[Key, float]) -> float:
    """Since when a lane's first key waits."""
    return next(iter(lane.values()))
