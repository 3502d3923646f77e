"""A disk that is full for a process of its own: work is refused, nothing is lost, and it goes on when there is room."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import aiohttp

from tests.integration.gateway_harness import until
from tests.integration.kill_harness import soaking

LIMIT = 30_000
"""Bytes that a file may have; a write over it is cut off there, as on a full disk."""


async def test_a_full_disk_stops_work_and_loses_nothing(tmp_path: Path) -> None:
    async with soaking(tmp_path, seed=5, clients=4) as (place, account), place.listening() as gateway:
        await gateway.ready()
        await gateway.chat("warm", senderId="warm")
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
        talking = [asyncio.create_task(client.converse(gateway)) for client in account.clients]
        body = await gateway.ready(status="not-ready")
        assert body["reason"] == "the state directory cannot be written: File too large"
        status, refused = await gateway.chat("not now", senderId="warm")
        assert (status, refused["error"]["type"]) == (503, "api_error")
        assert "enlarge the volume" in refused["error"]["message"]
        async with gateway.session.get(f"{gateway.url}/metrics") as response:
            assert "tenantry_gateway_storage_problem 1.0" in await response.text()
        refusals = await asyncio.gather(*talking, return_exceptions=True)
        assert any(isinstance(refusal, AssertionError) and "503" in str(refusal) for refusal in refusals), refusals
        acknowledged = account.acknowledged

        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await gateway.ready()
        talking = [asyncio.create_task(client.converse(gateway)) for client in account.clients]

        async def more() -> bool:
            return account.acknowledged > acknowledged + 8

        await until(more)
        gateway.process.kill()
        await gateway.ended()
        results = await asyncio.gather(*talking, return_exceptions=True)
        assert not [
            error for error in results if isinstance(error, Exception) and not isinstance(error, aiohttp.ClientError)
        ]
        account.check()
