"""The cluster's command line: `python -m dev.cluster prepare|up|down|status|load IMAGE.tar…|kubeconfig`.

CLUSTER=kind|local chooses the provider; the default is kind where a container engine answers. CLUSTER_NAME=… makes a
second cluster beside the first. Results go to stdout, progress to stderr.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.choice import choose_provider
from dev.cluster.provider import Provider
from dev.console import run_command, say, step


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image archive that a command line names."""

    path: Path


def up(provider: Provider) -> int:
    """Start the cluster and print where its kubeconfig is."""
    provider.up()
    print(provider.kubeconfig)
    return 0


def down(provider: Provider) -> int:
    """Stop the cluster."""
    with step(f"cluster down ({provider.name})"):
        provider.down()
    return 0


def status(provider: Provider) -> int:
    """Print what the cluster is and what is wrong with it; exit code 1 unless it is well."""
    problems = provider.problems()
    print(f"provider: {provider.name}\nkubeconfig: {provider.kubeconfig}")
    for problem in problems:
        say(f"problem: {problem}")
    print("state: " + ("not up" if problems else "up"))
    return 1 if problems else 0


def kubeconfig(provider: Provider) -> int:
    """Print where the kubeconfig is."""
    print(provider.kubeconfig)
    return 0


def prepare(provider: Provider) -> int:
    """Install or check what the cluster needs."""
    provider.prepare()
    return 0


COMMANDS: Mapping[str, Callable[[Provider], int]] = {
    "prepare": prepare,
    "up": up,
    "down": down,
    "status": status,
    "kubeconfig": kubeconfig,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=(command.__doc__ or "").partition(".")[0])
    loading = commands.add_parser("load", help="Put images on the cluster's nodes")
    loading.add_argument("archives", nargs="+", metavar="IMAGE.tar", type=Path)
    parsed = parser.parse_args(arguments)
    provider = choose_provider()
    if parsed.command == "load":
        provider.load([ImageFile(path) for path in parsed.archives])
        return 0
    return COMMANDS[parsed.command](provider)


if __name__ == "__main__":
    sys.exit(run_command(main))
