"""A gateway under load that is killed again and again, and the account of what it acknowledged.

`python -m tests.integration.kill_harness --kills 1000` goes on for longer than a test may.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from dev.anthropic_standin.server import running_standin
from tenantry_gateway.audit.files import audit_files, verify
from tenantry_gateway.audit.key import existing_key
from tenantry_gateway.sessions.catalog import walk
from tenantry_gateway.sessions.record import read_session
from tenantry_gateway.storage.log_file import read_lines
from tests.integration.gateway_harness import API_KEY, TOKEN, Place, Reachable, next_event, until

CONFIG = """
agents: {main: {model: claude-opus-4-5, system: soak, tools: {policy: read-only}}}
rbac: {enabled: true, assignments: {"token:shared": admin}}
"""
GONE = (aiohttp.ClientError, ConnectionError, TimeoutError, asyncio.IncompleteReadError)


@dataclass
class Client:
    """One conversation: messages one after the other, of which each is known to be acknowledged, or not."""

    name: str
    way: str
    """`whole`, `stream`, `socket` or `keyed`."""
    random: random.Random
    sent: list[str] = field(default_factory=list)
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Answers by text."""
    pending: str | None = None
    """A keyed message without an answer yet: it is sent again."""
    socket: aiohttp.ClientWebSocketResponse | None = None

    async def converse(self, gateway: Reachable) -> None:
        """Send message after message until the gateway is gone."""
        self.socket = None
        with suppress(*GONE):
            while True:
                text = self.pending or f"{self.name}-{len(self.sent)}{self.random.choice(['', ' !tool current_time'])}"
                if self.pending is None:
                    self.sent.append(text)
                if self.way == "keyed":
                    self.pending = text
                answer = await self._say(gateway, text)
                self.acknowledged[text] = answer
                self.pending = None

    async def _say(self, gateway: Reachable, text: str) -> dict[str, Any]:
        body: dict[str, Any] = {"text": text, "senderId": self.name}
        if self.way == "socket":
            return await self._over_socket(gateway, body)
        headers = {"Idempotency-Key": f"{self.name}.{len(self.sent)}"} if self.way == "keyed" else {}
        body["stream"] = self.way == "stream"
        async with gateway.session.post(f"{gateway.url}/v1/chat", json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            if self.way != "stream":
                answer: dict[str, Any] = await response.json()
                return answer
            while True:
                name, data = await _event(response)
                assert name != "error", f"503 {data}"
                if name == "done":
                    return data

    async def _over_socket(self, gateway: Reachable, body: dict[str, Any]) -> dict[str, Any]:
        if self.socket is None:
            self.socket = await gateway.session.ws_connect(f"{gateway.url}/ws")
            await self.socket.send_json({"type": "connect", "protocol": 1, "token": gateway.token})
        await self.socket.send_json({"type": "req", "id": "1", "method": "chat", "params": body})
        while True:
            message = await self.socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionResetError
            frame = json.loads(message.data)
            if frame["type"] == "res":
                # A pod that is deleted by force has SIGTERM a moment before SIGKILL, and says so to who is still there.
                if not frame["ok"] and "is stopping" in frame["error"]["message"]:
                    raise ConnectionResetError(frame["error"]["message"])
                assert frame["ok"], frame
                answer: dict[str, Any] = frame["payload"]
                return answer


async def _event(response: aiohttp.ClientResponse) -> tuple[str, dict[str, Any]]:
    try:
        return await next_event(response)
    except (IndexError, ValueError) as error:
        raise ConnectionResetError("the stream was cut off") from error


class Kept(NamedTuple):
    """A turn that the gateway has kept."""

    message: str
    id: str
    reply: str


def check_clients(clients: Sequence[Client], sessions: Iterable[Sequence[Kept]]) -> None:
    """Fail where anything acknowledged is lost, changed, doubled or out of order."""
    kept = {turns[0].message.split("-")[0]: turns for turns in sessions if turns}
    for client in clients:
        _check_client(client, kept.get(client.name, []))


def _check_client(client: Client, turns: Sequence[Kept]) -> None:
    texts = [turn.message for turn in turns]
    assert not [text for text, count in Counter(texts).items() if count > 1], f"{client.name}: doubled"
    assert texts == [text for text in client.sent if text in set(texts)], f"{client.name}: out of order"
    replies = {turn.message: (turn.id, turn.reply) for turn in turns}
    for text, answer in client.acknowledged.items():
        assert replies.get(text) == (answer["id"], answer["reply"]), f"{client.name}: {text} is lost or another"


@dataclass
class Account:
    """What all clients were told, over all lives of the gateway."""

    state_dir: Path
    clients: list[Client]
    heads: list[str] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        return sum(len(client.acknowledged) for client in self.clients)

    def check(self) -> None:
        """Fail where anything acknowledged is lost, changed, doubled or out of order, or the audit log is broken."""
        sessions = list(self._sessions())
        check_clients(self.clients, sessions)
        key = existing_key(self.state_dir, None)
        for head in self.heads[-3:]:
            verdict = verify(self.state_dir, key, head)
            assert verdict.fault is None, verdict.fault
        self._check_audit(sum(map(len, sessions)))

    def _sessions(self) -> Iterator[list[Kept]]:
        for listed in walk(self.state_dir):
            path = next(self.state_dir.rglob(f"{listed.session.key}.jsonl"))
            turns = (one.turn for one in read_session(listed.session, read_lines(path)).turns)
            yield [Kept(turn.message, turn.id, turn.reply) for turn in turns]

    def _check_audit(self, turns: int) -> None:
        events = [json.loads(line) for path in audit_files(self.state_dir) for line in read_lines(path)]
        successes = [event for event in events if event["type"] == "agent.message" and event["outcome"] == "success"]
        assert len(successes) >= turns, "a turn is kept that the audit log does not know of"


def new_clients(seed: int, count: int) -> list[Client]:
    ways = ("whole", "stream", "socket", "keyed")
    return [Client(f"c{number}", ways[number % len(ways)], random.Random(seed + number)) for number in range(count)]


async def one_life(place: Place, account: Account, seconds: float, *, warm: bool) -> None:
    """Start the gateway, let all clients talk to it, and kill it after `seconds`; `warm`: of answering."""
    async with place.listening() as gateway:
        await gateway.ready()
        talking = [asyncio.create_task(client.converse(gateway)) for client in account.clients]
        before = account.acknowledged

        async def answering() -> bool:
            return not warm or account.acknowledged > before

        await until(answering)
        await asyncio.sleep(seconds)
        gateway.process.kill()
        await gateway.process.wait()
        await asyncio.gather(*talking)
        account.heads.append((await gateway.logged("audit head"))["audit_head"])


@asynccontextmanager
async def soaking(folder: Path, seed: int, clients: int = 8) -> AsyncIterator[tuple[Place, Account]]:
    async with running_standin() as base_url:
        place = Place(folder, base_url)
        place.configure(CONFIG)
        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})
        yield place, Account(folder / ".clawdbot", new_clients(seed, clients))


async def soak(kills: int, seed: int, folder: Path) -> Account:
    """Kill it as often as that; what is found wrong raises AssertionError."""
    chance = random.Random(seed)
    async with soaking(folder, seed) as (place, account):
        for number in range(1, kills + 1):
            await one_life(place, account, chance.uniform(0.0, 0.5), warm=chance.random() < 0.9)
            account.check()
            if number % 10 == 0:
                print(f"{number} kills, {account.acknowledged} messages acknowledged, none lost", flush=True)
    return account


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a gateway again and again, and look for what is lost.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(soak(given.kills, given.seed, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
