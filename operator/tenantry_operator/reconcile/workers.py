"""Takes keys from the queue and works on a few at once.

A tenant whose requests hang must not keep others waiting: work that takes long goes on beside the workers, while its
worker takes the next key. The key stays with it, so that no tenant is worked on twice at once. What hangs ends with
its request's time-out, which bounds how much can hang: so many as are taken meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tenantry_operator.kube.kinds import Key
from tenantry_operator.reconcile.queue import WorkQueue

SLOW_SECONDS = 1.0
"""So long a worker waits for one key's work. A new tenant takes a tenth of it."""
MAX_SLOW = 32
"""As many pieces of work may go on beside the workers; beyond, workers wait.

Each asks something of an API server that may be slow because too much is asked of it. With 5,000 Services it makes some
eight a second, one after the other: of hundreds of requests for one the last end by their time-out, in vain.
"""
DRAIN_SECONDS = 3.0
"""Time for work in flight at the end. A cut-off piece does no harm: the next start looks again."""


@dataclass(slots=True)
class Workers:
    """Any number of workers on one queue; each is a task that runs ``work``."""

    queue: WorkQueue
    look: Callable[[Key], Awaitable[None]]
    """The work on one key. It raises nothing but for a bug, which ends the worker."""
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _slow: set[asyncio.Task[None]] = field(default_factory=set)

    async def work(self) -> None:
        """Be one worker, until cancelled."""
        while True:
            key = await self.queue.get()
            step = asyncio.create_task(self._step(key))
            self._under_way.add(step)
            step.add_done_callback(self._under_way.discard)
            done, _ = await asyncio.wait({step}, timeout=SLOW_SECONDS)
            if done:
                step.result()
                continue
            self._slow.add(step)
            step.add_done_callback(self._slow.discard)
            while len(self._slow) > MAX_SLOW:
                await asyncio.wait(self._slow, return_when=asyncio.FIRST_COMPLETED)

    async def drain(self) -> bool:
        """After the workers were cancelled: let work in flight finish for a moment, then cancel it.

        Returns whether all of it finished: then nothing of it is on its way to the API server.
        """
        if not self._under_way:
            return True
        _, late = await asyncio.wait(self._under_way, timeout=DRAIN_SECONDS)
        for step in late:
            step.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return not late

    async def _step(self, key: Key) -> None:
        try:
            await self.look(key)
        finally:
            self.queue.done(key)
