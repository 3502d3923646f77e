"""Ends the process when it can no longer be trusted to end itself."""

import faulthandler
import logging
import os
from typing import NoReturn

log = logging.getLogger(__name__)

EXIT_CODE = 1


def arm(seconds: float) -> None:
    """End the process after this time, unless armed again before.

    The timer is a thread of the interpreter's own, written in C: it needs neither the event loop nor the interpreter's
    lock, so that a process that hangs ends, too. It writes where each thread was, then ends without ado.
    """
    faulthandler.dump_traceback_later(max(seconds, 0.001), exit=True)


def end(reason: str) -> NoReturn:
    """End the process now. Its connections break with it, and so does every request under way."""
    log.critical("ending at once: %s", reason)
    os._exit(EXIT_CODE)
