"""SIGKILL at random moments under load: nothing acknowledged is lost, doubled or out of order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.kill_harness import soak


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_acknowledged_is_lost_however_often_it_is_killed(tmp_path: Path, seed: int) -> None:
    account = await soak(8, seed, tmp_path)

    assert account.acknowledged > 50
    for way in ("whole", "stream", "socket", "keyed"):
        assert sum(len(client.acknowledged) for client in account.clients if client.way == way) > 5
