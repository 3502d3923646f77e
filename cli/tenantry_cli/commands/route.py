"""`route explain`: where a message would go, and why."""

import json
from collections.abc import Mapping
from typing import Any

from tenantry_cli.cluster import demand_ready_pod, find_gateway, read_token
from tenantry_cli.console import harmless
from tenantry_cli.conversation import fetch
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.port_forward import PortForward


def explain(kubectl: Kubectl, name: str | None, message: Mapping[str, str], *, output: str) -> None:
    """Ask the gateway itself: what it has loaded decides, not what is in the cluster."""
    gateway = find_gateway(kubectl, name)
    demand_ready_pod(gateway)
    with PortForward(kubectl, gateway) as forward:
        found = fetch(forward.port, read_token(kubectl, gateway), "/v1/route", message)
    print(json.dumps(found, indent=2, ensure_ascii=False) if output == "json" else harmless(text_of(found)))


def text_of(found: Mapping[str, Any]) -> str:
    """The decision, then the bindings in the order in which they are tried."""
    lines = [f"agent {found.get('agentId')}  ({_cause(found.get('binding'))})", f"session {found.get('sessionKey')}"]
    lines += [f"  matches  {_binding(one)}" for one in found.get("matching", ())]
    lines += [f"  not      {_binding(one)}: {one.get('because')}" for one in found.get("notMatching", ())]
    return "\n".join(lines)


def _cause(binding: object) -> str:
    """A binding of the Gateway has a number, an AgentBinding a name."""
    if binding is None:
        return "the default agent: no binding matches"
    return f"by bindings[{binding}]" if isinstance(binding, int) else f"by binding {binding}"


def _binding(one: Mapping[str, Any]) -> str:
    fields = ("channel", "channelId", "senderId", "priority")
    said = ", ".join(f"{field} {one[field]}" for field in fields if field in one)
    return f"{one.get('binding')} ({said}) -> {one.get('agentId')}"
