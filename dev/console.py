"""What the development commands say and how they fail: progress on stderr, results on stdout, one line an error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dev.errors import DevError


def say(message: str) -> None:
    """Print a line of progress on stderr, so that stdout holds nothing but results."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say how long the block took, in seconds, once it has succeeded."""
    started = time.monotonic()
    yield
    say(f"{title}: {time.monotonic() - started:.1f} s")


def run_command(main: Callable[[], int]) -> int:
    """Run a command line's main and turn a `DevError` into one line on stderr and exit code 1."""
    try:
        return main()
    except DevError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
