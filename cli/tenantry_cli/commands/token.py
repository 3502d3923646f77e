"""`token show` and `token rotate`."""

import sys
import time

from tenantry_cli.cluster import GATEWAYS, Gateway, find_gateway, read_token
from tenantry_cli.console import harmless, say
from tenantry_cli.errors import CliError
from tenantry_cli.kubectl import Forbidden, Kubectl

ANNOTATION = "tenantry.dev/rotate-token"
DONE = frozenset({"InOverlap", "Rotated"})
POLL_SECONDS = 0.5


def show(kubectl: Kubectl, name: str | None) -> None:
    """Print the token alone; where it comes from goes to standard error, and only to a person."""
    gateway = find_gateway(kubectl, name)
    token = read_token(kubectl, gateway)
    if sys.stdout.isatty():
        secret, key = gateway.token_place
        kind = "your own Secret" if gateway.own_token else "generated into Secret"
        say(f"This is a secret. It is {kind} {gateway.namespace}/{secret}, key {key}.")
    print(token)


def rotate(kubectl: Kubectl, name: str | None, seconds: float) -> None:
    """Ask for a rotation, and wait until the new token is the one to use.

    Raises:
        CliError: where the token is not the operator's to rotate, or none comes in time.
    """
    gateway = find_gateway(kubectl, name)
    place = f"{gateway.namespace}/{gateway.token_place[0]}"
    if gateway.own_token:
        raise CliError(
            f"the token is in your own Secret {place}, which the operator never changes: put a new one into its key "
            f"{gateway.token_place[1]}, and the pods follow without a restart"
        )
    request = f"{time.time():.6f}"
    try:
        kubectl.run(
            *("annotate", "--overwrite", GATEWAYS, gateway.name, f"{ANNOTATION}={request}"),
            namespace=gateway.namespace,
        )
    except Forbidden as error:
        raise CliError(f"rotating takes the right to change the Gateway: {error}") from error
    say(f"asked for a new token of {gateway.namespace}/{gateway.name}")
    if seconds:
        _wait(kubectl, gateway, request, seconds)


def _wait(kubectl: Kubectl, asked: Gateway, request: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    told = ""
    while time.monotonic() < deadline:
        gateway = Gateway(kubectl.get(GATEWAYS, asked.name, namespace=asked.namespace))
        condition = gateway.condition("TokenRotated")
        message = harmless(str(condition.get("message", "")))
        if gateway.status.get("lastTokenRotation") == request and condition.get("reason") in DONE:
            print(message)
            say(f"The new token: kubectl tenantry token show {gateway.name} -n {gateway.namespace}")
            return
        if condition.get("reason") == "RotationPending" and "begins at" in message:
            print(message)
            return
        if message != told and condition.get("status") == "False":
            told = message
            say(message)
        time.sleep(POLL_SECONDS)
    raise CliError(
        f"no new token within {seconds:.0f} s; the request stays. See: "
        f"kubectl tenantry status {asked.name} -n {asked.namespace}"
    )
