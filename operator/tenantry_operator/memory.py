"""How the process allocates: set for one that runs for months, knows much that stays, and passes through much more."""

import ctypes
import gc

LARGE = 32 * 1024
"""Bytes from which a block gets pages of its own, which go back at once: the bodies of requests, the buffers of TLS.

glibc raises its limit of 128 KiB up to 32 MiB as such blocks are freed, and then puts them on the heap, where smaller
ones that stay move into the gap of each before the next one comes: the heap grows and grows. A limit that is set stays.
"""
M_MMAP_THRESHOLD = -3
"""Its name in glibc's malloc.h, see mallopt(3)."""

GARBAGE_WHILE_LEARNING = 5_000, 10, 1_000
GARBAGE = 5_000, 10, 100
"""Objects until the youngest garbage is collected, and how seldom that of older generations: nearly everything here is
freed by its count, and each full collection walks through all that is known of every tenant."""


def begin() -> None:
    """Call first, before much is allocated."""
    gc.set_threshold(*GARBAGE_WHILE_LEARNING)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # Of glibc; others have neither it nor this habit.
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE)


def settle() -> None:
    """Call once everything is known: what stays for good need not be walked through for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
