"""Fixtures of the gateway's tests: gateways in this process, with the stand-in API or a model of the test's own."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from dev.anthropic_standin.server import running_standin
from dev.anthropic_standin.state import State
from tenantry_gateway.providers.anthropic import AnthropicModel
from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import EchoModel, PlayedModel, gateway_state, serving, snapshot


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Put back the levels that a configuration sets for the whole process."""
    loggers = [logging.getLogger(name) for name in (None, "anthropic", "httpx2", "aiohttp.access")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def standin_state() -> State:
    return State()


@pytest.fixture
async def standin(standin_state: State) -> AsyncIterator[str]:
    async with running_standin(standin_state) as base_url:
        yield base_url


@pytest.fixture
async def claude_state(standin: str, tmp_path: Path) -> AsyncIterator[GatewayState]:
    """A gateway whose model is the official SDK against the stand-in."""
    model = AnthropicModel()
    async with gateway_state(model, tmp_path) as state:
        state.snapshot = snapshot(base_url=standin)
        yield state
    await model.close()


@pytest.fixture
async def claude(claude_state: GatewayState) -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(claude_state) as client:
        yield client


@pytest.fixture
def played() -> PlayedModel:
    return PlayedModel()


@pytest.fixture
async def played_state(played: PlayedModel, tmp_path: Path) -> AsyncIterator[GatewayState]:
    async with gateway_state(played, tmp_path) as state:
        state.snapshot = snapshot()
        yield state


@pytest.fixture
async def played_client(played_state: GatewayState) -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(played_state) as client:
        yield client


@pytest.fixture
def echo() -> EchoModel:
    return EchoModel()


@pytest.fixture
async def state(echo: EchoModel, tmp_path: Path) -> AsyncIterator[GatewayState]:
    async with gateway_state(echo, tmp_path) as state:
        state.snapshot = snapshot()
        yield state


@pytest.fixture
async def client(state: GatewayState) -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(state) as client:
        yield client
