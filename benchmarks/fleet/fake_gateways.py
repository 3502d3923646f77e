"""Answers for gateways on fake nodes: each pod's address, one of loopback, tells the hash of the pod's ConfigMap.

A process of its own. It plays a kubelet that refreshes volumes at once and a gateway that reloads at once, so that what
is measured is the operator. It listens on the loopback device alone.
"""

import argparse
import asyncio
import hashlib
import random
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from tenantry_operator.kube.client import Client
from tenantry_operator.kube.credentials import load_credentials
from tenantry_operator.kube.errors import ApiError
from tenantry_operator.kube.kinds import CONFIG_MAP, POD, Json, Key, Kind, key_of
from tenantry_operator.metrics import Metrics
from tenantry_operator.resources.metadata import GATEWAY_LABEL, child_name
from tenantry_operator.resources.pod import CONFIG_FILE

PORT = 18789
WATCH_SECONDS = 6 * 3600
RELIST_SECONDS = 0.2
POD_RANGE = "127.64.0.1/10"
"""Addresses of the fake pods: enough for four million, all of the loopback device."""


class Answers:
    """What each address answers."""

    def __init__(self) -> None:
        self._hashes: dict[Key, str] = {}
        self._pods: dict[str, Key] = {}
        """ConfigMaps by the pod's address."""

    def see_config_map(self, config_map: Json) -> None:
        """Remember the hash of its file."""
        data = config_map.get("data", {}).get(CONFIG_FILE, "")
        self._hashes[key_of(config_map)] = hashlib.sha256(data.encode()).hexdigest()

    def see_pod(self, pod: Json) -> None:
        """Remember whose pod has an address."""
        address = pod.get("status", {}).get("podIP")
        gateway = pod["metadata"].get("labels", {}).get(GATEWAY_LABEL)
        if address and gateway:
            self._pods[address] = pod["metadata"]["namespace"], child_name(gateway)

    async def ready(self, request: web.Request) -> web.Response:
        """GET /ready, as a gateway answers it."""
        assert request.transport is not None
        address = request.transport.get_extra_info("sockname")[0]
        known = self._hashes.get(self._pods.get(address, ("", "")))
        return web.json_response({"status": "ready", "configHash": known}, status=200 if known else 503)


async def follow(client: Client, kind: Kind, see: Callable[[Json], None]) -> None:
    """List and watch a kind of the operator's objects for ever."""
    while True:
        try:
            await follow_once(client, kind, see)
        except ApiError as error:
            print(f"{kind.plural}: {error}", flush=True)
        await asyncio.sleep(RELIST_SECONDS)


async def follow_once(client: Client, kind: Kind, see: Callable[[Json], None]) -> None:
    """List, and watch until the server ends it."""
    version = ""
    async for page in client.list_pages(kind, selector=GATEWAY_LABEL):
        version = page.version
        for item in page.items:
            see(item)
    async for event in client.watch(kind, version, WATCH_SECONDS, selector=GATEWAY_LABEL):
        if event.type in {"ADDED", "MODIFIED"}:
            see(event.object)


def loopback_socket() -> socket.socket:
    """Listen on every address of the loopback device and on nothing else; raises OSError where somebody does."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    listening.bind(("0.0.0.0", PORT))  # noqa: S104 - the device limits it
    return listening


async def serve(kubeconfig: Path) -> None:
    """Answer until cancelled."""
    client = Client(await load_credentials(kubeconfig), Metrics(), manager="benchmark-gateways", rand=random.random)
    answers = Answers()
    app = web.Application()
    app.router.add_get("/ready", answers.ready)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, loopback_socket(), backlog=1024).start()
    work: list[Awaitable[Any]] = [
        follow(client, CONFIG_MAP, answers.see_config_map),
        follow(client, POD, answers.see_pod),
    ]
    await asyncio.gather(*work)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    asyncio.run(serve(parser.parse_args().kubeconfig))


if __name__ == "__main__":
    main()
