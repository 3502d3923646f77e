"""How soon a real pod answers by a new AgentBinding: ``make bench-binding``.

On the development cluster, with the demo's team A: from the API server's answer to the binding's creation until the
gateway's answer to a message names the binding. The stand-in for the Anthropic API answers at once, and what a message
takes without any change is measured beside it.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.fleet.changes import percentiles
from benchmarks.fleet.usage import machine
from dev.chat import Chat
from dev.demo import choose_upstream, prepare
from dev.errors import DevError
from dev.kubectl import KubectlError
from dev.teams import TEAM_A, apply_team, pods_of, token_of
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.credentials import load_credentials
from tenantry_operator.kube.kinds import AGENT_BINDING
from tenantry_operator.metrics import Metrics

SAMPLES = 30
PAUSE = (2.0, 3.0)
"""Seconds from the end of one binding to the next, at random. From one refresh of a pod's files to the next a kubelet
takes about a second, which is measured apart."""
PATIENCE = 120.0
RESULTS = Path(__file__).resolve().parent / "results" / "served_binding.json"


def binding(number: int) -> dict[str, Any]:
    """A binding for a channel of its own."""
    return {
        "apiVersion": AGENT_BINDING.api_version,
        "kind": AGENT_BINDING.name,
        "metadata": {"name": f"sample-{number}", "namespace": TEAM_A.namespace},
        "spec": {
            "gatewayRef": {"name": TEAM_A.gateway},
            "agentId": "oncall",
            "match": {"channel": "webhook", "channelId": f"sample-{number}"},
        },
    }


async def measure(kubeconfig: Path, chat: Chat) -> dict[str, Any]:
    """Milliseconds until a new binding is served, some time after the last one and at once after it."""
    client = Client(await load_credentials(kubeconfig), Metrics(), manager="benchmark", rand=random.random)
    try:
        apart = await _samples(client, chat, 0, PAUSE)
        at_once = await _samples(client, chat, SAMPLES, (0.0, 0.0))
        for number in range(2 * SAMPLES):
            live = await client.get(AGENT_BINDING, TEAM_A.namespace, f"sample-{number}")
            await client.delete(AGENT_BINDING, TEAM_A.namespace, f"sample-{number}", live["metadata"]["uid"])
    finally:
        await client.close()
    began = time.monotonic()
    chat.send("Hello!")
    return {
        "machine": machine(),
        "samples": SAMPLES,
        "milliseconds_until_served": percentiles(apart),
        "milliseconds_until_served_in_quick_succession": percentiles(at_once),
        "milliseconds_of_a_message": round(1000 * (time.monotonic() - began), 1),
    }


async def _samples(client: Client, chat: Chat, first: int, pause: tuple[float, float]) -> list[float]:
    """Seconds until each of some bindings is served."""
    served = []
    for number in range(first, first + SAMPLES):
        await asyncio.sleep(random.uniform(*pause))  # noqa: S311 - a pause, no secret
        await client.apply(AGENT_BINDING, binding(number))
        began = time.monotonic()
        await asyncio.to_thread(_until_served, chat, number)
        served.append(time.monotonic() - began)
    return served


def _until_served(chat: Chat, number: int) -> None:
    name = f"sample-{number}"
    message = {"channel": "webhook", "channelId": name, "senderId": "benchmark"}
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if str(chat.send("Hello!", **message).body.get("binding")).rpartition("/")[2] == name:
            return
    raise TimeoutError(f"not within {PATIENCE:.0f} s: binding {name} is served")


def main() -> int:
    """Prepare the demo's cluster, measure, print and keep. The exit code is 1, with one line, where it cannot go on."""
    try:
        upstream = choose_upstream()
        provider, kubectl = prepare(upstream)
        apply_team(kubectl, TEAM_A, upstream)
        with kubectl.port_forward(TEAM_A.namespace, f"service/{TEAM_A.gateway}-gateway", 18789) as base_url:
            chat = Chat(base_url, token_of(kubectl, TEAM_A))
            pods = pods_of(kubectl, TEAM_A)
            result = asyncio.run(measure(provider.kubeconfig, chat))
        result["same_pod"] = pods == pods_of(kubectl, TEAM_A)
    except (DevError, KubectlError, TimeoutError) as error:
        print(f"bench-binding: {error}", file=sys.stderr)
        return 1
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
