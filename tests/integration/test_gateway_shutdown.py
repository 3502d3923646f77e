"""SIGTERM under load: what was accepted is finished, streams and WebSockets end well, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tenantry_gateway.audit.files import audit_files
from tenantry_gateway.storage.log_file import read_lines
from tests.integration.crowd_harness import Crowd
from tests.integration.gateway_harness import SECONDS, Gateway, until
from tests.integration.kill_harness import Account, Client, new_clients, soaking


@pytest.fixture
async def crowded(tmp_path: Path) -> AsyncIterator[tuple[Account, Gateway]]:
    async with soaking(tmp_path, seed=3) as (place, account), place.listening() as gateway:
        await gateway.ready()
        await gateway.chat("warm", senderId="warm")
        yield account, gateway


async def test_everything_that_was_accepted_is_finished(crowded: tuple[Account, Gateway]) -> None:
    account, gateway = crowded
    crowd = Crowd(gateway)
    clients = [client for client in new_clients(3, 12) if client.way in {"whole", "keyed"}]
    account.clients = clients
    running = [asyncio.create_task(client.converse(gateway)) for client in clients]
    running += [asyncio.create_task(crowd.stream(number)) for number in range(8)]
    running += [asyncio.create_task(crowd.socket(number, busy=number < 10)) for number in range(30)]
    await _under_way(crowd, clients)
    gateway.process.send_signal(signal.SIGTERM)

    assert await gateway.ended() == 0
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*running)
    assert crowd.streams
    assert set(crowd.streams) == {"done"}, "no stream was cut off"
    assert crowd.codes == [1012] * 30
    assert crowd.answers == [True] * 10
    assert all(1_000 <= hint <= 15_000 for hint in crowd.hints)
    assert len(crowd.hints) == 30
    assert len(set(crowd.hints)) > 20, "clients come back spread over time"
    account.check()
    events = [json.loads(line) for path in audit_files(account.state_dir) for line in read_lines(path)]
    assert (events[-1]["type"], events[-1]["outcome"]) == ("gateway.stop", "success")
    assert [line for line in gateway.lines if line["level"] == "error"] == []


async def _under_way(crowd: Crowd, clients: list[Client]) -> None:
    async def enough() -> bool:
        return len(crowd.streams) >= 8 and min(len(client.acknowledged) for client in clients) >= 2

    await until(enough)


async def test_requests_that_do_not_end_are_broken_off_in_time(tmp_path: Path) -> None:
    async with soaking(tmp_path, seed=4) as (place, _account):
        place.variables["TENANTRY_DRAIN_SECONDS"] = "1"
        async with place.listening() as gateway:
            await gateway.ready()
            asking = asyncio.create_task(gateway.chat("!delay 300"))
            await gateway.logged("configuration in force")
            await asyncio.sleep(1.0)
            gateway.process.send_signal(signal.SIGTERM)
            assert await gateway.ended() == 0
            await asyncio.gather(asking, return_exceptions=True)
            assert await gateway.logged("requests are broken off")
