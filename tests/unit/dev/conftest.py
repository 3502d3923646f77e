"""A running stand-in, and the official SDK on it with both of its HTTP clients."""

from collections.abc import AsyncIterator

import anthropic
import pytest

from dev.anthropic_standin.server import running_standin
from tests.unit.dev.standin_client import make_client


@pytest.fixture
async def standin() -> AsyncIterator[str]:
    async with running_standin() as url:
        yield url


@pytest.fixture(params=["httpx", "aiohttp"])
async def client(standin: str, request: pytest.FixtureRequest) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with make_client(standin, request.param) as made:
        yield made
