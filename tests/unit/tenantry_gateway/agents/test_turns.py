"""Turns: roles in the window, commits that nothing breaks off, stores that refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import SecretStr

from tenantry_config.document import AgentConfig, Role
from tenantry_gateway.agents.turns import Answer, Message, Turns, model_request, turn_role
from tenantry_gateway.errors import NotReady, SessionChanged
from tenantry_gateway.providers.model import Credentials
from tenantry_gateway.sessions.transcript import SessionId, Turn
from tests.unit.tenantry_gateway.harness import EchoModel, PlayedModel, tool_loop
from tests.unit.tenantry_gateway.memory_store import MemoryStore

SESSION = SessionId("main", None, "claimed", "k")
AGENT = AgentConfig(model="claude-opus-4-5")
CREDENTIALS = Credentials(SecretStr("key"))


async def ignore(_text: str) -> None:
    pass


async def ask(turns: Turns, text: str = "hi", role: Role = "user") -> Answer:
    return await turns.answer(Message(SESSION, AGENT, role, text), CREDENTIALS, ignore)


async def test_a_turn_runs_with_the_lowest_role_in_the_window() -> None:
    turns = Turns(MemoryStore(), tool_loop(EchoModel()))

    roles = [(await ask(turns, role=role)).role for role in ("admin", "operator", "user", "admin")]

    assert roles == ["admin", "operator", "user", "user"]


def test_roles_that_left_the_window_count_no_more() -> None:
    assert turn_role("admin", []) == "admin"
    assert turn_role("admin", [Turn("viewer", "m", "r")]) == "viewer"


def test_turns_without_a_reply_are_not_sent_to_the_model() -> None:
    window = [Turn("user", "one", "  "), Turn("user", "two", "reply")]

    request = model_request(AGENT, window, "three")

    assert [(message.role, message.text) for message in request.messages] == [
        ("user", "two"),
        ("assistant", "reply"),
        ("user", "three"),
    ]


class SlowStore(MemoryStore):
    """Commits once the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.committing = asyncio.Event()
        self.go = asyncio.Event()

    async def commit(
        self, session: SessionId, turn: Turn, *, expected: int, epoch: int, events: Sequence[object] = ()
    ) -> int:
        self.committing.set()
        await self.go.wait()
        return await super().commit(session, turn, expected=expected, epoch=epoch, events=events)


async def test_a_commit_is_finished_although_the_client_leaves() -> None:
    store = SlowStore()
    turns = Turns(store, tool_loop(EchoModel()))
    asking = asyncio.create_task(ask(turns))
    await store.committing.wait()
    asking.cancel()
    await asyncio.sleep(0)
    assert not asking.done()
    store.go.set()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await store.load(SESSION)).sequence == 1


async def test_a_session_that_somebody_else_wrote_is_409() -> None:
    store, model = MemoryStore(), PlayedModel()
    asking = asyncio.create_task(ask(Turns(store, tool_loop(model))))
    call = await model.calls.get()
    await store.commit(SESSION, Turn("user", "m", "r"), expected=0, epoch=1)
    call.finish()

    with pytest.raises(SessionChanged) as caught:
        await asking
    assert caught.value.status == 409


async def test_a_turn_of_an_earlier_epoch_is_503() -> None:
    store, model = MemoryStore(), PlayedModel()
    asking = asyncio.create_task(ask(Turns(store, tool_loop(model))))
    call = await model.calls.get()
    store.begin_epoch(2)
    call.finish()

    with pytest.raises(NotReady):
        await asking
    assert (await store.load(SESSION)).sequence == 0
