"""``make bench-fleet``: measures, prints a table, keeps results and pictures in ``benchmarks/results``."""

import argparse
import asyncio
import json
import sys
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
WORKERS = 8
"""Of the bare writer; the operator's default."""
SIZES = (200, 1000, 5000)


def parse_arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of tenants, with commas")
    parser.add_argument("--idle-minutes", type=float, default=31, help="how long to watch what is idle")
    parser.add_argument("--churn-minutes", type=float, default=60, help="how long tenants come and go")
    parser.add_argument("--long-at", type=int, default=1000, help="number of tenants at which these two are measured")
    parser.add_argument("--storm", type=float, default=20, help="changes a second in the storm")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for fleet.json and fleet.svg")
    return parser.parse_args()


async def measure(size: int, options: argparse.Namespace) -> dict[str, Any]:
    """Everything about a number of tenants: first the bare writer, then the operator, each in its own cluster."""
    run: dict[str, Any] = {"tenants": size, "machine": machine()}
    with FleetCluster(size) as cluster:
        await cluster.populate()
        say("a bare writer makes every object")
        run["bare_writer"] = await bare_writer.measure(cluster, WORKERS)
    with FleetCluster(size) as cluster:
        await cluster.populate()
        operator = cluster.operator()
        try:
            await _measure_operator(cluster, operator, run, options)
        finally:
            operator.stop()
    return run


async def _measure_operator(
    cluster: FleetCluster, operator: Operator, run: dict[str, Any], options: argparse.Namespace
) -> None:
    say("the operator starts beside tenants that it has never seen")
    run["start"] = await convergence.measure_start(cluster, operator)
    say("the operator starts again")
    run["restart"] = await convergence.measure_restart(cluster, operator)
    if cluster.size == options.long_at and options.idle_minutes:
        say(f"idle for {options.idle_minutes:g} min")
        run["idle"] = await convergence.measure_idle(cluster, operator, 60 * options.idle_minutes)
    say("single changes, alone and in a storm")
    run["changes"] = await changes.measure(cluster, options.storm)
    say("leaders end")
    run["failover"] = await failover.measure(cluster, operator)
    if cluster.size == options.long_at and options.churn_minutes:
        say(f"tenants come and go for {options.churn_minutes:g} min")
        run["churn"] = await churn.measure(cluster, operator, 60 * options.churn_minutes)


def keep(folder: Path, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a run in the place of an earlier one with as many tenants; returns all runs."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "fleet.json"
    earlier = json.loads(file.read_text()) if file.exists() else []
    runs = sorted([*(one for one in earlier if one["tenants"] != run["tenants"]), run], key=lambda one: one["tenants"])
    file.write_text(json.dumps(runs, indent=1) + "\n")
    return runs


def main() -> int:
    """Measure, print, keep. The exit code is 1, with one line that says why, where it cannot go on."""
    options = parse_arguments()
    runs: list[dict[str, Any]] = []
    try:
        for size in map(int, options.sizes.split(",")):
            runs = keep(options.results, asyncio.run(measure(size, options)))
            print(f"\n{table(runs)}\n", flush=True)
    except (DevError, KubectlError, TimeoutError, ValueError) as error:
        print(f"bench-fleet: {error}", file=sys.stderr)
        return 1
    draw(runs, options.results / "fleet.svg")
    print(f"kept in {options.results}: fleet.json, fleet.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
