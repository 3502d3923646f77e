"""``make bench-gateway``: measures, prints tables, keeps results and a picture in ``benchmarks/results``."""

import argparse
import importlib.metadata
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fleet.usage import machine
from benchmarks.gateway import litellm_proxy, rounds, soak, sockets, start, streams
from benchmarks.gateway.cores import Cores, choose_cores, on_core
from benchmarks.gateway.others import OtherUse
from benchmarks.gateway.places import DISK, filesystem, places
from benchmarks.gateway.plots import draw
from benchmarks.gateway.report import tables
from benchmarks.gateway.systems import Bench
from dev.console import say
from dev.errors import DevError

RESULTS = Path(__file__).resolve().parent.parent / "results"
FILE = "gateway.json"
LOADS = (rounds.RELAY, rounds.CHAT)
PHASES = (*LOADS, "streams", "start", "websockets", "soak")
DEFAULT = PHASES[:-1]
PACKAGES = ("aiohttp", "anthropic", "orjson", "pydantic")


def parse_arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    add = parser.add_argument
    add("--phases", default=",".join(DEFAULT), help=f"of {', '.join(PHASES)}; the rest is kept from an earlier run")
    add("--seconds", type=float, default=2, help="how long each load lasts in each round")
    add("--rounds", type=int, default=5, help="how often everything is measured in turn; the median counts")
    add("--senders", type=int, default=1000, help="sessions that messages of chat go to in turn")
    add("--streams", type=int, default=400, help="streams at once")
    add("--chunks", type=int, default=50, help="pieces of text in a stream")
    add("--interval-ms", type=float, default=100, help="from one piece to the next")
    add("--sockets", type=int, default=2000, help="WebSockets at once")
    add("--requests", type=int, default=1_000_000, help="in the soak")
    add("--soak-senders", type=int, default=20_000, help="sessions in the soak")
    add("--without-litellm", action="store_true", help="do not install and measure LiteLLM's proxy")
    add("--results", type=Path, default=RESULTS, help=f"folder for {FILE} and gateway.svg")
    options = parser.parse_args()
    unknown = set(options.phases.split(",")) - set(PHASES)
    if unknown:
        parser.error(f"no phase: {', '.join(sorted(unknown))}")
    return options


def measure(options: argparse.Namespace, cores: Cores) -> dict[str, Any]:
    """What is wanted, kept phase by phase; returns all that is kept."""
    wanted = options.phases.split(",")
    litellm = None if options.without_litellm else _litellm(wanted)
    with places() as states, tempfile.TemporaryDirectory(prefix="bench-gateway-") as directory:
        for phase in _phases(Bench(cores, Path(directory)), states, litellm, options):
            others = OtherUse()
            found = phase()
            about = _about(cores, states, litellm, others)
            keep(options.results, {name: {**about, **each} for name, each in found.items()})
    return keep(options.results, {})


def _phases(
    bench: Bench, states: Mapping[str, Path], litellm: Path | None, options: argparse.Namespace
) -> Iterator[Callable[[], dict[str, Any]]]:
    """What measures each phase that is wanted, or two at once; each returns results by phase."""
    wanted = options.phases.split(",")
    disk = states[DISK]
    if loads := [phase for phase in LOADS if phase in wanted]:
        yield partial(rounds.measure, bench, states, litellm, loads, options)
    if "streams" in wanted:
        yield lambda: {"streams": streams.measure(bench, states, options)}
    if "start" in wanted:
        yield lambda: {"start": start.measure(bench, disk, litellm, options)}
    if "websockets" in wanted:
        yield lambda: {"websockets": sockets.measure(bench, disk, options)}
    if "soak" in wanted:
        yield lambda: {"soak": soak.measure(bench, disk, options)}


def _litellm(wanted: Sequence[str]) -> Path | None:
    """LiteLLM's proxy, where a phase has it; None, with a line that says why, where it cannot be installed."""
    if not {*LOADS, "start"} & set(wanted):
        return None
    try:
        return litellm_proxy.install()
    except DevError as error:
        say(f"litellm: left out, {error}")
        return None


def _about(cores: Cores, states: Mapping[str, Path], litellm: Path | None, others: OtherUse) -> dict[str, Any]:
    """What it was measured on and with."""
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    if litellm is not None:
        versions["litellm"] = litellm_proxy.version()
    return {
        "machine": {**machine(), "own_core_for_the_system": cores.apart, "cores_used_by_others": others.cores()},
        "file_systems": {kind: filesystem(path) for kind, path in states.items()},
        "versions": versions,
    }


def keep(folder: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """Put the phases that were measured in the place of an earlier run's; returns all."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    earlier = json.loads(file.read_text()) if file.exists() else {}
    found = {phase: each for phase in PHASES if (each := run.get(phase, earlier.get(phase)))}
    file.write_text(json.dumps(found, indent=1) + "\n")
    return found


def main() -> int:
    """Measure, print, keep. The exit code is 1, with one line that says why, where it cannot go on."""
    options = parse_arguments()
    cores = choose_cores()
    if not cores.apart:
        say("one core for everything: figures tell little")
    try:
        with on_core(cores.load):
            kept = measure(options, cores)
    except (DevError, TimeoutError, OSError) as error:
        print(f"bench-gateway: {error}", file=sys.stderr)
        return 1
    print(f"\n{tables(kept)}\n")
    draw(kept, options.results / "gateway.svg")
    print(f"kept in {options.results}: {FILE}, gateway.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
