"""`audit tail`: a gateway's audit log, checked if asked for."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tenantry_cli.cluster import Gateway, demand_ready_pod, find_gateway, read_token
from tenantry_cli.console import harmless, say
from tenantry_cli.conversation import Refused, fetch
from tenantry_cli.errors import CliError
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.port_forward import PortForward

POLL_SECONDS = 2.0
PAGE = 1000
"""The most events that the gateway answers at once."""
FIRST = ("time", "type", "outcome", "actor")
LAST = frozenset({"n", "epoch", "id", "mac", "previous", *FIRST})


def tail(
    kubectl: Kubectl, name: str | None, lines: int, *, follow: bool, verify: bool, head: str | None, output: str
) -> None:
    """Print the newest events, and go on if asked to.

    Raises:
        CliError: where the log is not as it was written, or may not be read.
    """
    gateway = find_gateway(kubectl, name)
    demand_ready_pod(gateway)
    query = {"limit": str(lines)}
    if verify or head:
        query |= {"verify": "true"} | ({"head": head} if head else {})
    with PortForward(kubectl, gateway) as forward:
        token = read_token(kubectl, gateway)
        answer = _read(gateway, forward.port, token, query)
        _show(answer["data"], output)
        _judge(answer.get("verification"))
        while follow:
            time.sleep(POLL_SECONDS)
            newest = max((_number(event) for event in answer["data"]), default=0)
            answer = _read(gateway, forward.port, token, {"limit": str(PAGE)})
            _show([event for event in answer["data"] if _number(event) > newest], output)


def _read(gateway: Gateway, port: int, token: str, query: Mapping[str, str]) -> dict[str, Any]:
    try:
        answer = fetch(port, token, "/v1/audit", query)
    except Refused as error:
        if "takes the role admin" not in str(error):
            raise
        raise CliError(f"{error}. {remedy(gateway)}") from error
    return {"data": [], **answer}


def remedy(gateway: Gateway) -> str:
    """What may be done without the role: the Deployment has its Service's name."""
    verify = f"kubectl -n {gateway.namespace} exec deployment/{gateway.service} -- tenantry-gateway audit verify"
    return f"For the role, see: kubectl explain gateways.spec.rbac. Whoever may exec can verify it without: {verify}"


def _show(events: Sequence[Mapping[str, Any]], output: str) -> None:
    for event in events:
        print(json.dumps(event, ensure_ascii=False) if output == "json" else harmless(line_of(event)), flush=True)


def line_of(event: Mapping[str, Any]) -> str:
    """An event as a person reads it."""
    if "damaged" in event:
        return f"DAMAGED  {event['damaged']}"
    time_, kind, outcome, actor = (str(event.get(field, "")) for field in FIRST)
    rest = " ".join(f"{field}={value}" for field, value in event.items() if field not in LAST)
    return f"{time_}  {kind:<16} {outcome:<8} {actor or '-'}  {rest}".rstrip()


def _judge(verification: Mapping[str, Any] | None) -> None:
    if verification is None:
        return
    if not verification.get("ok"):
        raise CliError(f"the audit log is NOT as it was written: {verification.get('fault')}")
    say(f"as it was written: {verification.get('lines')} lines, head {verification.get('head')}")


def _number(event: Mapping[str, Any]) -> int:
    number = event.get("n", 0)
    return number if isinstance(number, int) else 0
