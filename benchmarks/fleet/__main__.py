"""``make bench-fleet``: measures, prints a table, keeps results and pictures in ``benchmarks/results``."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fleet import bare_writer, changes, churn, convergence, failover
from benchmarks.fleet.cluster import FleetCluster
from benchmarks.fleet.plots import draw
from benchmarks.fleet.report import table
from benchmarks.fleet.usage import machine
from dev.console import say
from dev.errors import DevError
from dev.kubectl import KubectlError
from tests.integration.operator_harness import Operator

RESULTS = Path(__file__).resolve().parent.parent / "results"
FILE = "fleet.json"
WORKERS = 8
"""Of the bare writer; the operator's default."""
SIZES = (200, 1000, 5000)
PHASES = ("bare_writer", "start", "restart", "changes", "failover", "idle", "churn")

Phase = tuple[str, str, Callable[[], Awaitable[dict[str, Any]]]]


def parse_arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of tenants, with commas")
    parser.add_argument("--idle-minutes", type=float, default=31, help="how long to watch what is idle")
    parser.add_argument("--churn-minutes", type=float, default=60, help="how long tenants come and go")
    parser.add_argument("--long-at", type=int, default=1000, help="number of tenants at which these two are measured")
    parser.add_argument("--storm", type=float, default=10, help="changes a second in the storm")
    parser.add_argument(
        "--phases",
        default=",".join(PHASES),
        help="what to measure, with commas; the rest is kept as an earlier run has it",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for fleet.json and fleet.svg")
    return parser.parse_args()


async def measure(size: int, options: argparse.Namespace) -> None:
    """Everything about a number of tenants: first the bare writer, then the operator, each in its own cluster.

    What is measured is kept phase by phase: a run takes hours.
    """
    run: dict[str, Any] = {"tenants": size}
    wanted = set(options.phases.split(","))
    if "bare_writer" in wanted:
        with FleetCluster(size) as cluster:
            await cluster.populate()
            say("a bare writer makes every object")
            run["bare_writer"] = {**await bare_writer.measure(cluster, WORKERS), "machine": machine()}
    with FleetCluster(size) as cluster:
        await cluster.populate()
        operator = cluster.operator()
        try:
            for name, what, phase in _phases(cluster, operator, options):
                if name not in wanted and name != "start":  # Without a start there is nothing to measure.
                    continue
                say(what)
                measured = await phase()
                if name in wanted:
                    run[name] = {**measured, "machine": machine()}
                    print(f"\n{table(keep(options.results, run))}\n", flush=True)
        finally:
            operator.stop()


def _phases(cluster: FleetCluster, operator: Operator, options: argparse.Namespace) -> Iterator[Phase]:
    """What is measured of the operator, in this order: the result's name, what happens, and what measures it."""
    start, restart = convergence.measure_start, convergence.measure_restart
    yield "start", "the operator starts beside tenants that it has never seen", partial(start, cluster, operator)
    yield "restart", "the operator starts again", partial(restart, cluster, operator)
    yield "changes", "single changes, alone and in a storm", partial(changes.measure, cluster, options.storm)
    yield "failover", "leaders end", partial(failover.measure, cluster, operator)
    if cluster.size != options.long_at:
        return
    if minutes := options.idle_minutes:
        idle = partial(convergence.measure_idle, cluster, operator, 60 * minutes)
        yield "idle", f"idle for {minutes:g} min", idle
    if minutes := options.churn_minutes:
        come_and_go = partial(churn.measure, cluster, operator, 60 * minutes)
        yield "churn", f"tenants come and go for {minutes:g} min", come_and_go


def keep(folder: Path, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Put what was measured in the place of what an earlier run has of as many tenants; returns all runs."""
    folder.mkdir(parents=True, exist_ok=True)
    by_size = {one["tenants"]: one for one in kept(folder)}
    size = run["tenants"]
    by_size[size] = by_size.get(size, {}) | run
    runs = [by_size[tenants] for tenants in sorted(by_size)]
    (folder / FILE).write_text(json.dumps(runs, indent=1) + "\n")
    return runs


def kept(folder: Path) -> list[dict[str, Any]]:
    """The runs that are kept in a folder."""
    file = folder / FILE
    return json.loads(file.read_text()) if file.exists() else []


def main() -> int:
    """Measure, print, keep. The exit code is 1, with one line that says why, where it cannot go on."""
    options = parse_arguments()
    try:
        for size in map(int, options.sizes.split(",")):
            asyncio.run(measure(size, options))
    except (DevError, KubectlError, TimeoutError, ValueError) as error:
        print(f"bench-fleet: {error}", file=sys.stderr)
        return 1
    draw(kept(options.results), options.results / "fleet.svg")
    print(f"kept in {options.results}: fleet.json, fleet.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
