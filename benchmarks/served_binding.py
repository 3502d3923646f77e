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

SAMPLES = 50
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
    """Milliseconds until a new binding is served, and of a message alone."""
    client = Client(await load_credentials(kubeconfig), Metrics(), manager="benchmark", rand=random.random)
    served, alone = [], []
    try:
        for number in range(SAMPLES):
            message = {"channel": "webhook", "channelId": f"sample-{number}", "senderId": "benchmark"}
            began = time.monotonic()
            await asyncio.to_thread(chat.send, "Hello!", **message)
            alone.append(time.monotonic() - began)
            await client.apply(AGENT_BINDING, binding(number))
            began = time.monotonic()
            await asyncio.to_thread(_until_served, chat, message, f"sample-{number}")
            served.append(time.monotonic() - began)
        for number in range(SAMPLES):
            live = await client.get(AGENT_BINDING, TEAM_A.namespace, f"sample-{number}")
            await client.delete(AGENT_BINDING, TEAM_A.namespace, f"sample-{number}", live["metadata"]["uid"])
    finally:
        await client.close()
    return {
        "machine": machine(),
        "samples": SAMPLES,
        "milliseconds_until_served": percentiles(served),
        "milliseconds_of_a_message": percentiles(alone),
    }


def _until_served(chat: Chat, message: dict[str, str], name: str) -> None:
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
