"""A gateway around a test's configuration, in this process, and a model that a test plays itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from tenantry_gateway.agents.calls import ModelCalls
from tenantry_gateway.agents.tool_loop import ToolLoop
from tenantry_gateway.agents.turns import TURN_SECONDS
from tenantry_gateway.app import build_app
from tenantry_gateway.metrics import Metrics
from tenantry_gateway.providers.model import Credentials, Model, ModelReply, ModelRequest, OnText, Usage
from tenantry_gateway.sessions.files import FileStore
from tenantry_gateway.snapshot import Snapshot, build_snapshot
from tenantry_gateway.state import GatewayState, build_state
from tenantry_gateway.state_directory import StateDirectory
from tenantry_gateway.storage.disk import Disk
from tenantry_gateway.storage.writer import Writer
from tenantry_gateway.tracing import OFF, Tracer
from tenantry_gateway.variables import Variables

TOKEN = "gateway-token-0123456789"
AUDIT_KEY = "audit-key-0123456789"
API_KEY = "sk-ant-test-0123456789"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
AGENTS = """
agents:
  main: {model: claude-opus-4-5, system: You are main.}
  devops: {model: claude-opus-4-5, system: You are devops.}
"""


@dataclass
class Call:
    """A call of the played model: the test sends text and ends it."""

    request: ModelRequest
    credentials: Credentials
    usage: Usage
    on_text: OnText
    result: asyncio.Future[ModelReply]
    cancelled: bool = False

    def finish(self, text: str = "ok") -> None:
        self.result.set_result(ModelReply(text, "end_turn"))


@dataclass
class PlayedModel:
    """Each call waits in `calls` for the test to answer it."""

    calls: asyncio.Queue[Call] = field(default_factory=asyncio.Queue)
    running: int = 0

    async def reply(self, request: ModelRequest, credentials: Credentials, usage: Usage, on_text: OnText) -> ModelReply:
        call = Call(request, credentials, usage, on_text, asyncio.get_running_loop().create_future())
        self.running += 1
        self.calls.put_nowait(call)
        try:
            return await call.result
        except asyncio.CancelledError:
            call.cancelled = True
            raise
        finally:
            self.running -= 1


@dataclass
class EchoModel:
    """Answers at once with the number of messages and the last one's text."""

    requests: list[ModelRequest] = field(default_factory=list)

    async def reply(self, request: ModelRequest, credentials: Credentials, usage: Usage, on_text: OnText) -> ModelReply:
        del credentials
        self.requests.append(request)
        usage.input_tokens, usage.output_tokens = 10, 2
        text = f"{len(request.messages)}: {request.messages[-1].text}"
        await on_text(text)
        return ModelReply(text, "end_turn")


def snapshot(config: str = AGENTS, secrets: Mapping[str, str] | None = None, base_url: str = "") -> Snapshot:
    """A snapshot with token and API key, unless `secrets` says otherwise."""
    values = {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY} if secrets is None else secrets
    environment = {"ANTHROPIC_BASE_URL": base_url} if base_url else {}
    return build_snapshot(config.encode(), Variables(values, environment))


def tool_loop(model: Model, metrics: Metrics | None = None) -> ToolLoop:
    """What asks `model`."""
    metrics = metrics or Metrics()
    return ToolLoop(ModelCalls(model, metrics), metrics)


@asynccontextmanager
async def gateway_state(
    model: Model,
    folder: Path,
    *,
    turn_seconds: float = TURN_SECONDS,
    disk: Disk | None = None,
    tracer: Tracer = OFF,
) -> AsyncIterator[GatewayState]:
    """The state of a gateway that has no configuration yet, in a state directory of its own."""
    directory = StateDirectory(folder / "state", disk or Disk(), lambda: datetime.now(UTC))
    directory.open(AUDIT_KEY)
    state = build_state(model, directory, turn_seconds=turn_seconds, tracer=tracer)
    yield state
    await state.relay.close()
    await directory.close()


class Nowhere:
    """An audit log that forgets."""

    def append(self, events: Sequence[object]) -> None:
        pass


@asynccontextmanager
async def file_store(folder: Path) -> AsyncIterator[FileStore]:
    """A store of files, until what was handed in is written."""
    writer = Writer(Nowhere(), Disk())
    yield FileStore(folder, writer, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    await writer.close()


@asynccontextmanager
async def serving(state: GatewayState, *, auth: Mapping[str, str] | None = None) -> AsyncIterator[TestClient[Any, Any]]:
    """An HTTP client of the gateway, which presents the token by default."""
    server = TestServer(build_app(state))
    async with TestClient(server, headers=AUTH if auth is None else auth) as client:
        yield client


async def until(condition: Callable[[], bool]) -> None:
    """Return once `condition` holds; fail if it never does."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("the condition never held")


async def error_of(response: ClientResponse) -> tuple[int, str, str]:
    """Status, type and message of an error answer, whose shape is checked."""
    body = await response.json()
    assert body["type"] == "error"
    assert body["request_id"] == response.headers["request-id"]
    assert body["request_id"].startswith("req_")
    assert set(body) <= {"type", "error", "request_id", "upstream_request_id"}
    return response.status, body["error"]["type"], body["error"]["message"]


def metric(state: GatewayState, name: str, **labels: str) -> float:
    """A sample's value, 0 where there is none."""
    return state.metrics.registry.get_sample_value(name, labels) or 0.0
