import signal
import subprocess
import sys
import time

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
    done = run(f"watchdog.LAST_RESORT_SECONDS = 1; watchdog.arm(0.2)\n{HANGS[hang]}")

    assert done.returncode == 1
    assert 'File "<string>", line 4 in <module>' in done.stderr


def test_a_process_that_was_stopped_meanwhile_ends_in_order() -> None:
    """Not by a crash: it runs at full speed while the watchdog looks at where it is."""
    busy = "watchdog.arm(0.5)\nprint(flush=True)\ndef f(n): n and f(n - 1)\nwhile True: f(200)"
    command = [sys.executable, "-c", f"from tenantry_operator import watchdog\n{busy}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        process.send_signal(signal.SIGCONT)

        assert process.wait(30) == 1


def test_armed_again_it_waits_from_then_on() -> None:
    assert run("watchdog.arm(0.2)\nwatchdog.arm(600)\ntime.sleep(0.4)").returncode == 0


def test_a_term_that_is_over_already_ends_the_process_at_once() -> None:
    assert run("watchdog.arm(-1)\ntime.sleep(600)").returncode == 1


def test_the_end_is_immediate_and_told() -> None:
    done = run("import atexit\natexit.register(print, 'too late')\nwatchdog.end('the Lease is lost')")

    assert (done.returncode, done.stdout) == (1, "")
    assert "the Lease is lost" in done.stderr
