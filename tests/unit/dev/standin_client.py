"""The official SDK as the stand-in's tests use it."""

from __future__ import annotations

from typing import Any

import aiohttp
import anthropic
from anthropic.types import Message, MessageParam, ToolParam

MODEL = "claude-sonnet-4-20250514"

WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def make_client(url: str, transport: str, **options: Any) -> anthropic.AsyncAnthropic:
    options.setdefault("api_key", "sk-ant-test")
    options.setdefault("max_retries", 0)
    if transport == "aiohttp":
        options["http_client"] = anthropic.DefaultAioHttpClient()
    return anthropic.AsyncAnthropic(base_url=url, **options)


def say(*texts: str) -> list[MessageParam]:
    """Alternating turns that begin and end with the user's."""
    turns: list[MessageParam] = []
    for index, text in enumerate(texts):
        turns.append({"role": "user", "content": text} if index % 2 == 0 else {"role": "assistant", "content": text})
    return turns


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def ask(client: anthropic.AsyncAnthropic, *texts: str, **options: Any) -> Message:
    options.setdefault("max_tokens", 1000)
    answer = await client.messages.create(model=MODEL, messages=say(*texts), **options)
    assert isinstance(answer, Message)
    return answer


async def arrived(url: str) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/_standin/requests") as response:
        return list((await response.json())["requests"])


class Naps:
    """A sleep that takes no time and remembers for how long it was asked, in seconds."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
