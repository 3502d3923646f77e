"""The phases ``relay`` and ``chat``: every system in turn, round after round, so that what disturbs meets them all."""

import argparse
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice, repeat
from math import inf
from pathlib import Path
from typing import Any

from benchmarks.fleet.usage import cpu_seconds
from benchmarks.gateway.figures import Figures, load_figures, middle
from benchmarks.gateway.load import closed_loop
from benchmarks.gateway.requests import TEXT, chat_requests, relay_request
from benchmarks.gateway.systems import LITELLM_READY, Bench, System, measure_sdk, resting
from dev.console import say
from dev.errors import DevError

AT_ONCE = (1, 10)
WARM_UP_SECONDS = 1.0
EARLIER_TURNS = 2
"""Of a session, about, when a message of the phase ``chat`` comes; the SDK alone sends as many."""
RELAY = "relay"
CHAT = "chat"
Found = dict[str, list[Figures]]


@dataclass(frozen=True, slots=True)
class Case:
    """One system asked in one way; `phases` says where its figures belong."""

    name: str
    system: System
    phases: Sequence[str]
    chat: bool = False

    def warm_up(self, senders: int, number: int) -> Iterator[bytes]:
        """Send what a round does not count, and return what it does: in chat, each sender has spoken once before."""
        if self.chat:
            requests = cycle(chat_requests(senders, f"round-{number}"))
            asyncio.run(closed_loop(self.system.port, islice(requests, senders), max(AT_ONCE), inf))
            return requests
        asyncio.run(closed_loop(self.system.port, repeat(relay_request()), max(AT_ONCE), WARM_UP_SECONDS))
        return repeat(relay_request())

    def ask(self, requests: Iterator[bytes], at_once: int, seconds: float) -> Figures:
        """Figures of some seconds. Raises DevError where nothing was answered."""
        cpu = cpu_seconds(self.system.pid)
        tally = asyncio.run(closed_loop(self.system.port, requests, at_once, seconds))
        used = cpu_seconds(self.system.pid) - cpu
        try:
            return load_figures(tally.seconds, tally.elapsed, tally.failures, used)
        except ValueError as error:
            raise DevError(f"{self.name}: {error}; its last line: {self.system.last_line()}") from error


@dataclass(frozen=True, slots=True)
class Rounds:
    """Everything that is asked in turn; `phases` are those of ``relay`` and ``chat`` that are wanted."""

    bench: Bench
    upstream: System
    states: Mapping[str, Path]
    lasting: Sequence[Case]
    """Those that are started once, as LiteLLM's proxy takes a quarter of a minute for it."""
    phases: Sequence[str]
    options: argparse.Namespace

    def measure(self) -> dict[str, dict[str, Any]]:
        """By phase: figures by case and by how many connections, the median of the rounds."""
        found: dict[str, dict[str, Found]] = {phase: {} for phase in self.phases}
        for number in range(self.options.rounds):
            say(f"round {number + 1} of {self.options.rounds}")
            with ExitStack() as stack:
                for phase, name, figures in self._round(number, [*self._started(stack), *self.lasting]):
                    for at_once, each in figures.items():
                        found[phase].setdefault(name, {}).setdefault(at_once, []).append(each)
        return {
            phase: {
                "seconds": self.options.seconds,
                "rounds": self.options.rounds,
                "systems": {name: _middle(each) for name, each in cases.items()},
            }
            for phase, cases in found.items()
        }

    def _started(self, stack: ExitStack) -> Iterator[Case]:
        """Floors and gateways, started anew: from one start to the next the same code differs by a fifth."""
        for kind, state in self.states.items():
            floor = stack.enter_context(self.bench.floor(self.upstream.url, state))
            gateway = stack.enter_context(self.bench.gateway(self.upstream.url, state))
            gateway.wait_for("/ready")
            for system in (floor, gateway):  # Its first turn waits until the SDK is imported.
                asyncio.run(closed_loop(system.port, iter(chat_requests(1, "first")), 1, inf))
            for name, system in (("floor", floor), ("gateway", gateway)):
                for phase in self.phases:
                    yield Case(f"{name}, {kind}", system, (phase,), chat=phase == CHAT)

    def _round(self, number: int, cases: Sequence[Case]) -> Iterator[tuple[str, str, Mapping[str, Figures]]]:
        """Figures of each case, by how many connections, for each phase that they belong to."""
        options = self.options
        servers = list({case.system.pid: case.system for case in cases if case.system is not self.upstream}.values())
        for case in cases:
            with resting(server for server in servers if server is not case.system):
                requests = case.warm_up(options.senders, number)
                figures = {str(at_once): case.ask(requests, at_once, options.seconds) for at_once in AT_ONCE}
            yield from ((phase, case.name, figures) for phase in case.phases)
        if CHAT in self.phases:
            with resting(servers):
                arguments = ("--seconds", str(options.seconds), "--text", TEXT, "--turns", str(EARLIER_TURNS))
                by_way = measure_sdk(self.bench.cores, self.upstream.url, arguments)
            yield from ((CHAT, f"SDK, {way}", figures) for way, figures in by_way.items())


def measure(
    bench: Bench, states: Mapping[str, Path], litellm: Path | None, phases: Sequence[str], options: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """Start what is measured, and measure it; see `Rounds.measure`."""
    with ExitStack() as stack:
        upstream = stack.enter_context(bench.upstream())
        lasting = [Case("stand-in alone", upstream, (RELAY,))] if RELAY in phases else []
        if litellm is not None:
            proxy = stack.enter_context(bench.litellm(upstream.url, litellm))
            proxy.wait_for(LITELLM_READY)
            lasting.append(Case("litellm", proxy, phases))
        return Rounds(bench, upstream, states, lasting, phases, options).measure()


def _middle(found: Found) -> dict[str, Figures]:
    return {at_once: middle(rounds) for at_once, rounds in found.items()}
