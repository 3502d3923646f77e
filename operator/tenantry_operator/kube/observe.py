"""Asks gateway pods which configuration they serve.

In a pod of the cluster the operator asks them at their own address; elsewhere through the API server (pods/proxy).
"""

import logging
from typing import Protocol

import aiohttp

from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import ForbiddenError, UnavailableError
from tenantry_operator.kube.kinds import Key
from tenantry_operator.kube.transport import json_object

log = logging.getLogger(__name__)

READY_PATH = "/ready"
DIRECT_TIMEOUT = aiohttp.ClientTimeout(total=2)


class PodProbe(Protocol):
    """A way to ask pods."""

    async def config_hash(self, pod: Key, ip: str, port: int) -> str | None:
        """The configuration hash that a pod reports, None if it gives no answer."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class DirectProbe:
    """Asks at the pod's own address."""

    def __init__(self) -> None:
        # Pods come and go: a kept connection is rarely used again.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True), timeout=DIRECT_TIMEOUT)

    async def config_hash(self, pod: Key, ip: str, port: int) -> str | None:
        """The configuration hash that a pod reports, None if it gives no answer."""
        host = f"[{ip}]" if ":" in ip else ip
        try:
            async with self._session.get(f"http://{host}:{port}{READY_PATH}") as response:
                return _hash_of(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("pod %s/%s gives no answer: %s", *pod, error)
            return None

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()


class ProxyProbe:
    """Asks through the API server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def config_hash(self, pod: Key, ip: str, port: int) -> str | None:  # noqa: ARG002 - the API server knows it
        """The configuration hash that a pod reports, None if it gives no answer."""
        try:
            answer = await self._client.pod_json(*pod, port, READY_PATH)
        except (ForbiddenError, UnavailableError) as error:
            log.debug("pod %s/%s gives no answer: %s", *pod, error)
            return None
        return _text(answer.get("configHash"))

    async def close(self) -> None:
        """Nothing of its own to close."""


def _hash_of(body: bytes) -> str | None:
    return _text(json_object(body).get("configHash"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
