"""Ends the process when it can no longer be trusted to end itself."""

import faulthandler
import logging
import math
import os
import threading
import time
from typing import NoReturn

log = logging.getLogger(__name__)

EXIT_CODE = 1
LAST_RESORT_SECONDS = 30.0
"""What the thread below gets before the interpreter's own timer ends the process without it."""


class _Watchdog:
    """A thread that waits until the time is over."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadline = math.inf
        self._started = False

    def arm(self, seconds: float) -> None:
        with self._changed:
            self._deadline = time.monotonic() + seconds
            self._changed.notify()
            if not self._started:
                self._started = True
                threading.Thread(target=self._wait, name="watchdog", daemon=True).start()

    def _wait(self) -> None:
        with self._changed:
            while (left := self._deadline - time.monotonic()) > 0:
                self._changed.wait(left)
        faulthandler.dump_traceback()
        os._exit(EXIT_CODE)


_watchdog = _Watchdog()


def arm(seconds: float) -> None:
    """End the process after this time, unless armed again before; it writes where each thread was.

    A thread does it, so that an event loop that hangs ends, too. Code that keeps the interpreter's lock stops that
    thread: for this there is the interpreter's own timer, written in C. It comes second because it looks at the frames
    of threads that may be running, which has crashed a process that went on after it was stopped for a while.
    """
    _watchdog.arm(seconds)
    faulthandler.dump_traceback_later(max(seconds, 0.0) + LAST_RESORT_SECONDS, exit=True)


def end(reason: str) -> NoReturn:
    """End the process now. Its connections break with it, and so does every request under way."""
    log.critical("ending at once: %s", reason)
    os._exit(EXIT_CODE)
