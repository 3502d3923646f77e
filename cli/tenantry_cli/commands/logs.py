"""`logs`: every pod of a gateway, and the operator's lines about it."""

import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from rich.text import Text

from tenantry_cli.cluster import CONTAINER, GATEWAY_LABEL, OPERATOR_LABEL, Gateway, find_gateway
from tenantry_cli.console import console, say
from tenantry_cli.errors import CliError
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.log_lines import parsed, readable, split_prefix

MAX_PODS = 20
OPERATOR_TAIL = 2000
"""Lines of each replica of the operator that are searched for the tenant's."""
STYLES = {"error": "red", "critical": "red", "warn": "yellow", "warning": "yellow", "debug": "dim"}
COLOURS = ("cyan", "green", "magenta", "blue")
Line = tuple[str, str]
"""Whose it is (`gateway` or `operator`), and what kubectl printed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines, and how they are shown."""

    follow: bool = False
    previous: bool = False
    tail: int = 100
    raw: bool = False


class Printer:
    """Prints lines; pods that come first get the first colours."""

    def __init__(self, wanted: Wanted, tenant: str) -> None:
        self._raw = wanted.raw
        self._tenant = tenant
        self._colours: dict[str, str] = {}

    def show(self, whose: str, line: str) -> None:
        """Print a line, unless it is the operator's about somebody else."""
        pod, text = split_prefix(line)
        if whose == "operator":
            found = parsed(text)
            if found is None or found.get("tenant") != self._tenant:
                return
        if self._raw:
            print(line, flush=True)
            return
        colour = self._colours.setdefault(pod, COLOURS[len(self._colours) % len(COLOURS)])
        level, shown = readable(text)
        label = f"operator/{pod[-5:]}" if whose == "operator" else pod[-11:] or whose
        console().print(Text.assemble((f"{label} ", colour), (shown, STYLES.get(level, ""))), soft_wrap=True)


def run(kubectl: Kubectl, name: str | None, wanted: Wanted, operator_namespace: str | None) -> None:
    """Print the lines; with `follow`, until interrupted.

    Raises:
        CliError: where kubectl ends with an error.
    """
    gateway = find_gateway(kubectl, name)
    lines: queue.Queue[Line | None] = queue.Queue(maxsize=1000)
    running = [_start(kubectl, gateway.namespace, "gateway", arguments_for(gateway, wanted), lines)]
    if operator_namespace:
        running.append(_start(kubectl, operator_namespace, "operator", operator_arguments(wanted), lines))
    printer = Printer(wanted, f"{gateway.namespace}/{gateway.name}")
    shown = 0
    try:
        for _ in running:
            while (line := lines.get()) is not None:
                printer.show(*line)
                shown += 1
    finally:
        for process in running:
            process.kill()
            process.wait()
    _complain([process for process in running if process.returncode > 0])
    if not shown:
        say(f"no lines: see kubectl tenantry status {gateway.name} -n {gateway.namespace}")


def arguments_for(gateway: Gateway, wanted: Wanted) -> Sequence[str]:
    """kubectl's arguments for the gateway's own pods."""
    arguments = ["logs", "-l", f"{GATEWAY_LABEL}={gateway.name}", "-c", CONTAINER, "--prefix", "--ignore-errors"]
    arguments += [f"--tail={wanted.tail}", f"--max-log-requests={MAX_PODS}"]
    arguments += ["--follow"] if wanted.follow else []
    arguments += ["--previous"] if wanted.previous else []
    return arguments


def operator_arguments(wanted: Wanted) -> Sequence[str]:
    """kubectl's arguments for the operator's pods; which lines are the tenant's is seen afterwards."""
    arguments = ["logs", "-l", OPERATOR_LABEL, "--prefix", f"--tail={OPERATOR_TAIL}", f"--max-log-requests={MAX_PODS}"]
    return [*arguments, *(["--follow"] if wanted.follow else [])]


def _start(
    kubectl: Kubectl, namespace: str, whose: str, arguments: Sequence[str], lines: "queue.Queue[Line | None]"
) -> "subprocess.Popen[str]":
    process = kubectl.start(arguments, namespace, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    threading.Thread(target=_read, args=(process.stdout, whose, lines), daemon=True).start()
    return process


def _read(stream: IO[str], whose: str, lines: "queue.Queue[Line | None]") -> None:
    for line in stream:
        text = line.rstrip("\n")
        if text.startswith(("Error from server", "error: ")):
            say(text)
        elif not text.startswith("No resources found"):
            lines.put((whose, text))
    lines.put(None)


def _complain(failed: "Sequence[subprocess.Popen[str]]") -> None:
    if failed:
        sys.stdout.flush()
        raise CliError("kubectl could not read all of these logs; see above")
