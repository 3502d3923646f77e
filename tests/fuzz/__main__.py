"""``make fuzz``: runs the targets, each as a process of its own, and keeps what makes one fail.

A line a target: how many inputs it had, or the input that failed, which is kept in tests/fuzz/corpus and tried again by
the tests from then on. Exits with 1 where there is one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from dev.console import say
from tests.fuzz.targets import CORPUS, FOLDER, TARGETS, load

DRIVER: Final = (sys.executable, "-m", "tests.fuzz.driver")
_LIMITS: Final = ("-timeout=20", "-rss_limit_mb=1024", "-max_len=8192", "-report_slow_units=1000")
_START_SECONDS: Final = 120.0
"""How long a target may take beyond its time, to begin and to end."""
_FINDS: Final = re.compile(r"(?:crash|timeout|oom|leak)-[0-9a-f]{40}")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What to run, and for how long."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs")
    parser.add_argument("--targets", default=",".join(TARGETS), help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--jobs", type=int, default=1, help="how many targets run at once")
    options = parser.parse_args(arguments)
    options.targets = options.targets.split(",")
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no target: {', '.join(sorted(unknown))}")
    if options.seconds < 1 or options.jobs < 1:
        parser.error("--seconds and --jobs are 1 or more")  # To libFuzzer, 0 seconds are no limit.
    return options


def run_target(name: str, seconds: int, corpus: Path = CORPUS, driver: Sequence[str] = DRIVER) -> bool:
    """Run a target and print its line; whether it found nothing. A find is kept in the target's folder of `corpus`."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as directory:
        grown, found = Path(directory, "grown"), Path(directory, "found")
        grown.mkdir()
        found.mkdir()
        tokens = Path(directory, "tokens")
        tokens.write_text(dictionary(load(name).TOKENS))
        arguments = [name, str(grown), str(corpus / name), f"-artifact_prefix={found}/", f"-dict={tokens}"]
        command = [*driver, *arguments, f"-max_total_time={seconds}", "-print_final_stats=1", *_LIMITS]
        try:
            done = subprocess.run(
                command, cwd=FOLDER.parents[1], capture_output=True, check=False, timeout=seconds + _START_SECONDS
            )
            code, output = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired as error:
            code, output = -1, (error.stderr or b"") + f"\nit did not end within {error.timeout:g} s".encode()
        kept = [_keep(path, corpus / name) for path in sorted(found.iterdir()) if _FINDS.fullmatch(path.name)]
    line, sound = judge(code, output.decode("utf-8", "replace"), kept)
    say(f"{name:<17} {line}")
    return sound


def _keep(path: Path, folder: Path) -> Path:
    kept = folder / path.name[: path.name.index("-") + 13]
    kept.write_bytes(path.read_bytes())
    return kept


def judge(code: int, output: str, kept: Sequence[Path]) -> tuple[str, bool]:
    """A target's line, and whether all is well: it ended as it should, had inputs and kept none."""
    ran = re.search(r"^stat::number_of_executed_units: *([0-9]+)", output, re.MULTILINE)
    runs = int(ran[1]) if ran else 0
    if kept:
        return f"FOUND {', '.join(map(str, kept))}: {_reason(output)}", False
    if code != 0 or not runs:
        return f"BROKEN exit {code} after {runs:,} inputs: {_reason(output)}", False
    return f"ok    {runs:,} inputs", True


def _reason(output: str) -> str:
    """What Python raised, else what libFuzzer said, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for pattern in (r"[\w.]*(?:Error|Exception|Broken|Damaged|Refused|Interrupt)\b.*", r"==[0-9]+== *ERROR: (.*)"):
        said = [line for line in lines if re.fullmatch(pattern, line)]
        if said:
            return said[-1][:200]
    return lines[-1][:200] if lines else "it said nothing"


def dictionary(tokens: Sequence[bytes]) -> str:
    """Tokens as libFuzzer reads them."""
    texts = ("".join(chr(byte) if _is_plain(byte) else f"\\x{byte:02X}" for byte in token) for token in tokens)
    return "".join(f'"{text}"\n' for text in texts)


def _is_plain(byte: int) -> bool:
    return chr(byte).isascii() and chr(byte).isprintable() and byte not in b'"\\'


def main() -> int:
    """Run what is wanted."""
    options = parse_arguments()
    with ThreadPoolExecutor(options.jobs) as pool:
        sound = list(pool.map(partial(run_target, seconds=options.seconds), options.targets))
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())
