import subprocess
import sys

LARGE_BLOCKS = """
import ctypes, gc
from tenantry_operator import memory

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
        "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info

def own_pages():
    '''How many of a hundred TLS buffers get them, after a much larger block was freed.'''
    del (much := [bytearray(8 * 1024 * 1024)])[:]
    before = libc.mallinfo2().hblks
    blocks = [bytearray(64 * 1024) for _ in range(100)]
    return libc.mallinfo2().hblks - before
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", LARGE_BLOCKS + code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_large_block_gets_pages_of_its_own_whatever_was_freed_before() -> None:
    assert run("print(own_pages())") == "0"
    assert int(run("memory.begin(); print(own_pages())")) > 90


def test_what_is_known_is_not_walked_through_again() -> None:
    frozen = "known = [[n] for n in range(1000)]; memory.begin(); memory.settle()"

    assert run(f"{frozen}; print(gc.get_freeze_count() > 1000, gc.get_threshold() == memory.GARBAGE)") == "True True"
