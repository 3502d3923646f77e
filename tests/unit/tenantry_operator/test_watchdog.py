import subprocess
import sys

import pytest

HANGS = {
    "sleeps": "time.sleep(600)",
    "spins": "while True: pass",
    "holds the interpreter's lock": "re.fullmatch('(a|a)*', 'a' * 64 + 'b')",
}


def run(code: str) -> subprocess.CompletedProcess[str]:
    program = f"import re, time\nfrom tenantry_operator import watchdog\n{code}"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("hang", HANGS)
def test_a_process_that_hangs_ends_and_says_where(hang: str) -> None:
    done = run(f"watchdog.arm(0.2)\n{HANGS[hang]}")

    assert done.returncode == 1
    assert 'File "<string>", line 4 in <module>' in done.stderr


def test_armed_again_it_waits_from_then_on() -> None:
    assert run("watchdog.arm(0.2)\nwatchdog.arm(600)\ntime.sleep(0.4)").returncode == 0


def test_a_term_that_is_over_already_ends_the_process_at_once() -> None:
    assert run("watchdog.arm(-1)\ntime.sleep(600)").returncode == 1


def test_the_end_is_immediate_and_told() -> None:
    done = run("import atexit\natexit.register(print, 'too late')\nwatchdog.end('the Lease is lost')")

    assert (done.returncode, done.stdout) == (1, "")
    assert "the Lease is lost" in done.stderr
