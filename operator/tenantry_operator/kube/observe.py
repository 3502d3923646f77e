"""Asks gateway pods which configuration and which tokens they serve.

In a pod of the cluster the operator asks them at their own address; elsewhere through the API server (pods/proxy).
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import ForbiddenError, UnavailableError
from tenantry_operator.kube.kinds import Key
from tenantry_operator.kube.transport import json_object

log = logging.getLogger(__name__)

READY_PATH = "/ready"
DIRECT_TIMEOUT = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True, slots=True)
class PodAnswer:
    """What a pod reports; None where it says nothing of it."""

    config_hash: str | None = None
    token_version: str | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "PodAnswer":
        """From the body of /ready."""
        return cls(_text(body.get("configHash")), _text(body.get("tokenVersion")))


NO_ANSWER = PodAnswer()


class PodProbe(Protocol):
    """A way to ask pods."""

    async def ask(self, pod: Key, ip: str, port: int) -> PodAnswer:
        """What a pod reports."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class DirectProbe:
    """Asks at the pod's own address."""

    def __init__(self) -> None:
        # Pods come and go: a kept connection is rarely used again.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True), timeout=DIRECT_TIMEOUT)

    async def ask(self, pod: Key, ip: str, port: int) -> PodAnswer:
        """What a pod reports."""
        host = f"[{ip}]" if ":" in ip else ip
        try:
            async with self._session.get(f"http://{host}:{port}{READY_PATH}") as response:
                return PodAnswer.parse(json_object(await response.read()))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("pod %s/%s gives no answer: %s", *pod, error)
            return NO_ANSWER

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()


class ProxyProbe:
    """Asks through the API server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ask(self, pod: Key, ip: str, port: int) -> PodAnswer:  # noqa: ARG002 - the API server knows it
        """What a pod reports."""
        try:
            answer = await self._client.pod_json(*pod, port, READY_PATH)
        except (ForbiddenError, UnavailableError) as error:
            log.debug("pod %s/%s gives no answer: %s", *pod, error)
            return NO_ANSWER
        return PodAnswer.parse(answer)

    async def close(self) -> None:
        """Nothing of its own to close."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
