"""A whole rotation with the operator's process, the gateway's process and a slow kubelet: no request is refused."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from dev.cluster.control_plane import free_ports
from dev.kubectl import Kubectl
from tests.integration.gateway_harness import SECONDS, Place, until
from tests.integration.operator_harness import Operator, Pods
from tests.integration.rotation_harness import Tenant

KUBELET_DELAY = 0.7
"""Seconds by which files follow their Secret."""
FILES = {
    "token": "GATEWAY_TOKEN",
    "previous-token": "GATEWAY_TOKEN_PREVIOUS",
    "token-version": "GATEWAY_TOKEN_VERSION",
}


@dataclass
class Client:
    """Asks again and again with the token that it began with, and with each new one the moment it can be read."""

    tenant: Tenant
    url: str
    tokens: list[str] = field(default_factory=list)
    """Every token that was ever to be read, the oldest first."""
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By token and status."""

    async def ask(self, session: aiohttp.ClientSession, token: str) -> int:
        """400 where the token is accepted (the body is empty), 401 where it is not."""
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post(f"{self.url}/v1/chat", json={}, headers=headers) as response:
            return response.status

    async def use(self, session: aiohttp.ClientSession, token: str) -> None:
        """Ask, and keep the answer."""
        self.answers[token, await self.ask(session, token)] += 1

    async def is_refused(self, session: aiohttp.ClientSession, token: str) -> bool:
        """Whether a token is no longer accepted."""
        return await self.ask(session, token) == 401

    async def has_used(self, token: str, before: int) -> bool:
        """Whether it has used a token often, and a hundred times any since there were ``before`` answers."""
        return self.answers[token, 400] >= 50 and sum(self.answers.values()) >= before + 100

    @property
    def refused(self) -> list[int]:
        """What was answered when a valid token was used, but 400."""
        return [status for _, status in self.answers if status != 400]

    async def read(self, session: aiohttp.ClientSession) -> None:
        """Read the Secret as a client does, and use a new token at once."""
        while True:
            token = (await asyncio.to_thread(self.tenant.tokens))["token"]
            if token not in self.tokens:
                self.tokens.append(token)
                await self.use(session, token)

    async def hammer(self, session: aiohttp.ClientSession) -> None:
        """Use every token that is valid."""
        while True:
            for token in self.tokens[-2:]:
                await self.use(session, token)
            await asyncio.sleep(0.01)


async def kubelet(tenant: Tenant, place: Place) -> None:
    """Bring the Secret's changes into the pod's volume, all of a version at once, and late."""
    before: dict[str, str] = {}
    while True:
        found = await asyncio.to_thread(tenant.tokens)
        if found != before:
            before = found
            await asyncio.sleep(KUBELET_DELAY)
            place.publish("secrets", {FILES[key]: value for key, value in found.items()})
        await asyncio.sleep(0.05)


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Coroutines in the background; what breaks in one of them breaks the test."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in done), done


async def rotate(tenant: Tenant, client: Client, session: aiohttp.ClientSession, request: str) -> None:
    """A whole rotation: both tokens are accepted until the old one is withdrawn."""
    await asyncio.to_thread(tenant.ask, request)
    new = (await asyncio.to_thread(tenant.reaches, "Overlap"))["token"]
    used = sum(client.answers.values())
    await until(lambda: client.has_used(new, used))
    assert client.refused == []
    old, client.tokens[:] = client.tokens[-2], client.tokens[-1:]
    await asyncio.to_thread(tenant.age, "rotated-at", 3600)
    await asyncio.to_thread(tenant.reaches, None)
    await until(lambda: client.is_refused(session, old))


async def test_no_request_is_refused_with_the_old_token_or_the_new_one(
    installed: Kubectl, operator: Operator, namespace: str, tmp_path: Path
) -> None:
    del operator
    tenant, port = Tenant(installed, namespace), free_ports(1)[0]
    await asyncio.to_thread(tenant.apply, port=port)
    place = Place(tmp_path, "http://127.0.0.1:9")
    config = await asyncio.to_thread(installed.get, "configmap", "a-gateway", namespace)
    place.configure(config["data"]["config.yaml"])
    old = (await asyncio.to_thread(tenant.tokens))["token"]
    place.publish("secrets", {"GATEWAY_TOKEN": old})
    client = Client(tenant, f"http://127.0.0.1:{port}", [old])
    async with place.listening("--port", str(port)) as gateway, asyncio.timeout(4 * SECONDS):
        await asyncio.to_thread(Pods(installed, port).run, namespace, "a")
        work = (kubelet(tenant, place), client.read(gateway.session), client.hammer(gateway.session))
        async with running(*work):
            for request in ("1", "2"):
                await rotate(tenant, client, gateway.session, request)
    assert gateway.process.returncode is not None
