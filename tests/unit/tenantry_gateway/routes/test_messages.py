"""The Anthropic API through the gateway, by the official SDK and by hand."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from aiohttp.test_utils import TestClient

from dev.anthropic_standin.state import State
from tests.unit.tenantry_gateway.harness import TOKEN, error_of

MODEL = "claude-opus-4-5"
HELLO: Any = [{"role": "user", "content": "Hello"}]


def sdk(claude: TestClient[Any, Any]) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=TOKEN, base_url=str(claude.make_url("/")).rstrip("/"), max_retries=0)


async def test_the_official_sdk_works_with_this_base_url(claude: TestClient[Any, Any]) -> None:
    async with sdk(claude) as client:
        message = await client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)
        counted = await client.messages.count_tokens(model=MODEL, messages=HELLO)
        async with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
            streamed = await stream.get_final_message()

    assert message.content[0].type == "text"
    assert streamed.content[0].type == "text"
    assert streamed.content[0].text == message.content[0].text
    assert counted.input_tokens > 0


async def test_an_agents_model_and_prompt_are_put_in(claude: TestClient[Any, Any], standin_state: State) -> None:
    body = {"model": "agent:devops", "max_tokens": 10, "messages": HELLO, "system": "Mine."}
    response = await claude.post("/v1/messages", json=body)
    assert response.status == 200

    sent = standin_state.requests[-1]["body"]
    assert sent["model"] == MODEL
    assert [block["text"] for block in sent["system"]] == ["You are devops.", "Mine."]


async def test_the_apis_errors_are_passed_on_but_for_those_about_the_gateways_own_key(
    claude: TestClient[Any, Any],
) -> None:
    async with sdk(claude) as client:
        with pytest.raises(anthropic.BadRequestError) as refused:
            await client.messages.create(model=MODEL, max_tokens=0, messages=HELLO)
        assert refused.value.type == "invalid_request_error"

    response = await claude.post("/v1/messages", json={"model": "agent:nobody"})
    assert (await error_of(response))[0] == 404
