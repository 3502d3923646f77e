"""Tools: who may use them, how often, and what becomes of calls that were under way when a process ended."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from dev.anthropic_standin.state import State
from tenantry_config.document import AgentConfig, Role, ToolPolicy, ToolsConfig
from tenantry_gateway.agents.tool_loop import MAX_ROUNDS
from tenantry_gateway.agents.tools import BUILT_IN, CURRENT_TIME, ToolFailed
from tenantry_gateway.agents.turns import Message, Turns
from tenantry_gateway.providers.anthropic import AnthropicModel
from tenantry_gateway.providers.model import Credentials
from tenantry_gateway.sessions.steps import UNKNOWN, CallEnded, CallsBegun, Step
from tenantry_gateway.sessions.transcript import SessionId
from tenantry_gateway.snapshot import Snapshot
from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import API_KEY, file_store, metric, snapshot, tool_loop
from tests.unit.tenantry_gateway.memory_store import MemoryStore

SESSION = SessionId("main", None, "claimed", "k")
TOOLS = "agents: {main: {model: claude-opus-4-5, tools: {policy: %s}}}"


def with_policy(state: GatewayState, policy: str) -> Snapshot:
    assert state.snapshot is not None
    state.snapshot = snapshot(TOOLS % policy, base_url=state.snapshot.base_url or "")
    return state.snapshot


async def test_a_tool_is_called_and_its_answer_told(
    claude: TestClient[Any, Any], claude_state: GatewayState, standin_state: State
) -> None:
    with_policy(claude_state, "read-only")
    response = await claude.post("/v1/chat", json={"text": '!tool current_time {"timezone": "Europe/Berlin"}'})
    body = await response.json()

    assert response.status == 200, body
    assert re.search(r"current_time returned \d{4}-\d\d-\d\dT.*\+0[12]:00", body["reply"])
    assert body["stopReason"] == "end_turn"
    assert len(standin_state.requests) == 2
    inputs = metric(
        claude_state,
        "gen_ai_client_token_usage_sum",
        gen_ai_operation_name="chat",
        gen_ai_provider_name="anthropic",
        gen_ai_request_model="claude-opus-4-5",
        gen_ai_agent_id="main",
        gen_ai_token_type="input",
    )
    assert body["usage"]["input_tokens"] == inputs
    labels = {"gen_ai_operation_name": "execute_tool", "gen_ai_agent_id": "main", "gen_ai_tool_name": "current_time"}
    assert metric(claude_state, "gen_ai_execute_tool_duration_seconds_count", **labels) == 1


async def test_a_failing_tool_is_an_error_to_the_model_not_to_the_caller(
    claude: TestClient[Any, Any], claude_state: GatewayState
) -> None:
    with_policy(claude_state, "elevated")
    response = await claude.post("/v1/chat", json={"text": '!tool current_time {"timezone": "Nowhere/None"}'})

    assert response.status == 200
    assert 'failed with no timezone "Nowhere/None"' in (await response.json())["reply"]


async def test_an_agent_without_tools_offers_none(
    claude: TestClient[Any, Any], claude_state: GatewayState, standin_state: State
) -> None:
    with_policy(claude_state, "none")
    await claude.post("/v1/chat", json={"text": "hi"})

    assert "tools" not in standin_state.requests[-1]["body"]


async def test_a_model_that_goes_on_calling_must_answer_at_last(
    claude: TestClient[Any, Any], claude_state: GatewayState, standin_state: State
) -> None:
    with_policy(claude_state, "read-only")
    response = await claude.post("/v1/chat", json={"text": "!tool-loop current_time {}"})

    assert response.status == 200, await response.text()
    assert len(standin_state.requests) == MAX_ROUNDS + 1
    assert standin_state.requests[-1]["body"]["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("policy", "role", "allowed"),
    [("none", "admin", False), ("read-only", "viewer", False), ("read-only", "user", True), ("elevated", "user", True)],
)
def test_policy_and_role_must_both_allow(policy: ToolPolicy, role: Role, allowed: bool) -> None:
    assert CURRENT_TIME.allowed(policy, role) is allowed


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/passwd", "", "\0", "x" * 10_000, 5, None, ["UTC"]])
def test_no_argument_of_a_tool_does_harm(zone: object) -> None:
    with pytest.raises(ToolFailed):
        CURRENT_TIME.run({"timezone": zone})


def test_names_of_tools_are_unique() -> None:
    names = [tool.definition.name for tool in BUILT_IN]
    assert len(set(names)) == len(names)


class Interrupted(MemoryStore):
    """A store that has the steps of a turn which an earlier process did not end."""

    def __init__(self, earlier: list[Step]) -> None:
        super().__init__()
        self.earlier = earlier
        self.kept: list[Step] = []

    async def steps(self, session: SessionId, turn_id: str) -> list[Step]:
        assert (session, turn_id) == (SESSION, "chat_1")
        return self.earlier

    async def keep_step(self, session: SessionId, turn_id: str, actor: str, step: Step) -> None:
        del session, turn_id, actor
        self.kept.append(step)


async def test_a_call_of_unknown_outcome_is_not_run_again(standin: str, standin_state: State) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "current_time", "input": {}}
    known = {**call, "id": "toolu_2"}
    steps: list[Step] = [CallsBegun((call, known), "", 7, 3), CallEnded("toolu_2", "noon", is_error=False)]
    store = Interrupted(steps)
    model = AnthropicModel()
    agent = AgentConfig(model="claude-opus-4-5", tools=ToolsConfig(policy="read-only"))
    message = Message(SESSION, agent, "user", "!tool current_time {}", id="chat_1", resumed=True)

    async def ignore(_text: str) -> None:
        pass

    answer = await Turns(store, tool_loop(model)).answer(message, Credentials(SecretStr(API_KEY), standin), ignore)
    await model.close()

    assert f"current_time failed with {UNKNOWN}" in answer.reply
    assert "current_time returned noon" in answer.reply
    assert store.kept == []
    assert len(standin_state.requests) == 1
    assert answer.usage.input_tokens > 7, "the tokens of the process that ended count, too"
    assert answer.usage.output_tokens > 3


async def test_steps_are_kept_in_the_sessions_file(tmp_path: Path) -> None:
    begun = CallsBegun(({"type": "tool_use", "id": "toolu_1", "name": "current_time", "input": {}},), "Wait.", 1, 2)
    ended = CallEnded("toolu_1", "noon", is_error=False)
    async with file_store(tmp_path) as store:
        await store.keep_step(SESSION, "chat_1", "ann", begun)
        await store.keep_step(SESSION, "chat_1", "ann", ended)
        await store.keep_step(SESSION, "chat_2", "ann", ended)
    async with file_store(tmp_path) as store:
        assert await store.steps(SESSION, "chat_1") == [begun, ended]
        assert (await store.load(SESSION)).turns == ()
