"""The official SDK against the stand-in: tool calls and loops."""

from __future__ import annotations

import json

import anthropic
from anthropic.types import ToolUseBlock

from tests.unit.dev.standin_client import MODEL, WEATHER, ask, say, text_of


async def test_a_tool_loop_runs_to_its_answer(client: anthropic.AsyncAnthropic) -> None:
    messages = say('what about rain? !tool get_weather {"city": "Bern"}')
    asked = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    assert asked.stop_reason == "tool_use"
    (call,) = (block for block in asked.content if isinstance(block, ToolUseBlock))
    assert (call.name, call.input) == ("get_weather", {"city": "Bern"})
    assert call.id.startswith("toolu_01")
    messages += [
        {"role": "assistant", "content": asked.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "3 degrees, rain"}]},
    ]
    done = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    assert done.stop_reason == "end_turn"
    assert text_of(done) == f"[{MODEL}] (no system) | turn 1 | get_weather returned 3 degrees, rain"


async def test_a_streamed_tool_call_brings_its_input_in_pieces(client: anthropic.AsyncAnthropic) -> None:
    arguments = {"city": "Bern", "days": [1, 2, 3], "note": 'quoted "text" and ünïcode'}
    partial: list[str] = []
    async with client.messages.stream(
        model=MODEL,
        max_tokens=1000,
        messages=say(f"!tool get_weather {json.dumps(arguments)}"),
        tools=[WEATHER],
    ) as stream:
        partial += [event.partial_json async for event in stream if event.type == "input_json"]
        final = await stream.get_final_message()
    assert len(partial) > 2
    assert json.loads("".join(partial)) == arguments
    assert final.stop_reason == "tool_use"
    assert [block.input for block in final.content if isinstance(block, ToolUseBlock)] == [arguments]


async def test_several_tools_are_called_in_parallel_unless_forbidden(client: anthropic.AsyncAnthropic) -> None:
    text = '!tool get_weather {"city": "Bern"} !tool get_weather {"city": "Rome"}'
    both = await ask(client, text, tools=[WEATHER])
    one = await ask(client, text, tools=[WEATHER], tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    count = [sum(block.type == "tool_use" for block in message.content) for message in (both, one)]
    assert count == [2, 1]


async def test_a_tool_loop_on_request_calls_again_after_every_result(client: anthropic.AsyncAnthropic) -> None:
    messages = say("!tool-loop get_weather {}")
    for _ in range(3):
        asked = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
        (call,) = (block for block in asked.content if isinstance(block, ToolUseBlock))
        messages += [
            {"role": "assistant", "content": asked.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]},
        ]


async def test_tool_choice_forces_or_forbids_a_call(client: anthropic.AsyncAnthropic) -> None:
    forced = await ask(client, "hello", tools=[WEATHER], tool_choice={"type": "tool", "name": "get_weather"})
    some = await ask(client, "hello", tools=[WEATHER], tool_choice={"type": "any"})
    none = await ask(client, "!tool get_weather {}", tools=[WEATHER], tool_choice={"type": "none"})
    assert [message.stop_reason for message in (forced, some, none)] == ["tool_use", "tool_use", "end_turn"]


async def test_a_tool_that_the_request_does_not_offer_is_not_called(client: anthropic.AsyncAnthropic) -> None:
    message = await ask(client, "!tool rm_rf {}", tools=[WEATHER])
    assert message.stop_reason == "end_turn"


async def test_a_failed_tool_is_told_from_one_that_answered(client: anthropic.AsyncAnthropic) -> None:
    messages = say("!tool get_weather {}")
    asked = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    call = asked.content[-1]
    assert isinstance(call, ToolUseBlock)
    messages += [
        {"role": "assistant", "content": asked.content},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": call.id,
                    "is_error": True,
                    "content": [{"type": "text", "text": "no such city"}],
                }
            ],
        },
    ]
    done = await client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    assert text_of(done).endswith("get_weather failed with no such city")
