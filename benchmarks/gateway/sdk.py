"""The official SDK alone: what a message costs at least when the SDK asks the model, as the gateway's agents do.

A process of its own that asks for some seconds and prints figures as JSON:
``python -m benchmarks.gateway.sdk --upstream http://127.0.0.1:9000 --seconds 4``.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic

from benchmarks.gateway.figures import Figures, load_figures
from benchmarks.gateway.upstream import MODEL, TEXT

WARM_UP_SECONDS = 1.0
MAX_TOKENS = 4096
Ask = Callable[[], Awaitable[None]]


def conversation(text: str, turns: int) -> list[Any]:
    """Earlier turns and a message, as the gateway sends them."""
    earlier = [{"role": "user", "content": [_block(text)]}, {"role": "assistant", "content": [_block(TEXT)]}] * turns
    newest = {"role": "user", "content": [_block(text) | {"cache_control": {"type": "ephemeral"}}]}
    return [*earlier, newest]


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


async def ask_whole(client: anthropic.AsyncAnthropic, messages: list[Any]) -> None:
    """One message, answered as a whole."""
    answer = await client.messages.create(model=MODEL, max_tokens=MAX_TOKENS, messages=messages)
    assert answer.stop_reason == "end_turn"


async def ask_stream(client: anthropic.AsyncAnthropic, messages: list[Any]) -> None:
    """One message, its answer read as a stream."""
    last = ""
    async with await client.messages.create(
        model=MODEL, max_tokens=MAX_TOKENS, messages=messages, stream=True
    ) as stream:
        async for event in stream:
            last = event.type
    assert last == "message_stop"


async def closed_loop(ask: Ask, at_once: int, seconds: float) -> Figures:
    """Ask for some seconds, as many at once."""
    taken: list[float] = []
    began = time.perf_counter()
    cpu = time.process_time()

    async def worker() -> None:
        while (start := time.perf_counter()) < began + seconds:
            await ask()
            taken.append(time.perf_counter() - start)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return load_figures(taken, time.perf_counter() - began, 0, time.process_time() - cpu)


async def measure(options: argparse.Namespace) -> dict[str, dict[str, Figures]]:
    """Figures by way of asking and by how many at once."""
    messages = conversation(options.text, options.turns)
    found: dict[str, dict[str, Figures]] = {}
    async with anthropic.AsyncAnthropic(
        api_key="key", base_url=options.upstream, http_client=anthropic.DefaultAioHttpClient(), max_retries=0
    ) as client:
        ways: dict[str, Ask] = {
            "stream": lambda: ask_stream(client, messages),
            "whole": lambda: ask_whole(client, messages),
        }
        for way, ask in ways.items():
            await closed_loop(ask, 10, WARM_UP_SECONDS)
            found[way] = {str(number): await closed_loop(ask, number, options.seconds) for number in options.at_once}
    return found


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--text", default="Hello!")
    parser.add_argument("--turns", type=int, default=0, help="earlier turns of the conversation")
    print(json.dumps(asyncio.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
