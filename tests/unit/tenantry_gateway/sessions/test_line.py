"""Whose turn it is."""

from __future__ import annotations

import asyncio

import pytest

from tenantry_gateway.errors import TooManyRequests
from tenantry_gateway.sessions.line import Lines
from tenantry_gateway.sessions.transcript import SessionId

SESSION = SessionId("main", None, "claimed", "k")
OTHER = SessionId("main", None, "claimed", "other")


async def test_messages_are_answered_in_the_order_in_which_they_came() -> None:
    lines = Lines()
    order: list[int] = []
    inside = 0

    async def message(number: int) -> None:
        nonlocal inside
        async with lines.turn(SESSION):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(number)
            inside -= 1

    await asyncio.gather(*(message(number) for number in range(10)))

    assert order == list(range(10))
    assert len(lines) == 0


async def test_at_most_so_many_wait_and_the_next_is_refused() -> None:
    lines = Lines(max_waiting=2)
    done = asyncio.Event()

    async def message() -> None:
        async with lines.turn(SESSION):
            await done.wait()

    waiting = [asyncio.create_task(message()) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        async with lines.turn(SESSION):
            pass
    async with lines.turn(OTHER):
        done.set()
    await asyncio.gather(*waiting)

    async with lines.turn(SESSION):
        assert len(lines) == 1


async def test_a_message_that_stops_waiting_leaves_its_place() -> None:
    lines = Lines(max_waiting=1)
    async with lines.turn(SESSION):
        waiting = asyncio.create_task(lines.turn(SESSION).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        another = asyncio.create_task(lines.turn(SESSION).__aenter__())
        await asyncio.sleep(0)
        assert not another.done()
        another.cancel()
        await asyncio.wait({another})

    assert len(lines) == 0


async def test_a_fault_frees_the_session() -> None:
    lines = Lines()
    for _ in range(2):
        with pytest.raises(ValueError, match="boom"):
            async with lines.turn(SESSION):
                raise ValueError("boom")

    assert len(lines) == 0
