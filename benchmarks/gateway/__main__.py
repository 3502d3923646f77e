"""``make bench-gateway``: measures, prints tables, keeps results and a picture in ``benchmarks/results``."""

import argparse
import importlib.metadata
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.fleet.usage import machine
from benchmarks.gateway import litellm_proxy, rounds, soak, sockets, start, streams
from benchmarks.gateway.cores import Cores, choose_cores, on_core
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
    add("--interval-ms", type=float, default=200, help="from one piece to the next")
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
    """What is wanted, phase by phase."""
    load_before = os.getloadavg()[0]
    wanted = options.phases.split(",")
    litellm = None if options.without_litellm else _litellm(wanted)
    with places() as states, tempfile.TemporaryDirectory(prefix="bench-gateway-") as directory:
        bench = Bench(cores, Path(directory))
        run: dict[str, Any] = {}
        loads = [phase for phase in LOADS if phase in wanted]
        if loads:
            found = rounds.measure(bench, states, litellm, loads, options)
            run |= {phase: {"seconds": options.seconds, "systems": systems} for phase, systems in found.items()}
        if "streams" in wanted:
            run["streams"] = streams.measure(bench, states, options)
        if "start" in wanted:
            run["start"] = {"systems": start.measure(bench, states[DISK], litellm, options)}
        if "websockets" in wanted:
            run["websockets"] = sockets.measure(bench, states[DISK], options)
        if "soak" in wanted:
            run["soak"] = soak.measure(bench, states[DISK], options)
        about = _about(cores, states, litellm)
    about["machine"]["load_average_before"] = round(load_before, 2)
    return {phase: {**about, **found} for phase, found in run.items()}


def _litellm(wanted: Sequence[str]) -> Path | None:
    """LiteLLM's proxy, where a phase has it; None, with a line that says why, where it cannot be installed."""
    if not {*LOADS, "start"} & set(wanted):
        return None
    try:
        return litellm_proxy.install()
    except DevError as error:
        say(f"litellm: left out, {error}")
        return None


def _about(cores: Cores, states: Mapping[str, Path], litellm: Path | None) -> dict[str, Any]:
    """What it was measured on and with."""
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    if litellm is not None:
        versions["litellm"] = litellm_proxy.version()
    return {
        "machine": {**machine(), "own_core_for_the_system": cores.apart},
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
            run = measure(options, cores)
    except (DevError, TimeoutError, OSError) as error:
        print(f"bench-gateway: {error}", file=sys.stderr)
        return 1
    kept = keep(options.results, run)
    print(f"\n{tables(kept)}\n")
    draw(kept, options.results / "gateway.svg")
    print(f"kept in {options.results}: {FILE}, gateway.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
