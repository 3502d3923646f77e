"""Threads share a heap, so that what one of them reads leaves no holes in a heap of its own."""

from __future__ import annotations

import ctypes
import subprocess
import sys

GLIBC = hasattr(ctypes.CDLL(None), "malloc_info")
HEAPS = """
import ctypes, sys, threading
from tenantry_gateway.allocator import keep_one_heap

libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
if sys.argv[1] == "one":
    keep_one_heap()
barrier = threading.Barrier(4)
kept = []

def read():
    kept.append([b"x" * 1000 for _ in range(1000)])
    barrier.wait()

threads = [threading.Thread(target=read) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
if not hasattr(libc, "malloc_info"):
    sys.exit()
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


def heaps(how: str) -> int:
    """How many heaps there are after four threads have kept something each."""
    told = subprocess.run([sys.executable, "-c", HEAPS, how], check=True, capture_output=True, text=True).stdout
    return told.count("<heap nr=")


def test_threads_share_one_heap() -> None:
    assert heaps("many") > 1 or not GLIBC
    assert heaps("one") == (1 if GLIBC else 0)
