"""The example teams, as the demo and the end-to-end tests bring them into a cluster and find them there."""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dev.install import ROOT, Manifest, read_manifests
from dev.kubectl import Kubectl

GATEWAYS = "gateways.tenantry.dev"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the agents get their answers: a base URL (None: the SDK's own), a key, a model (None: as written)."""

    base_url: str | None
    api_key: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """One example team: its namespace, its Gateway's name and the file that makes both."""

    namespace: str
    gateway: str
    file: Path


TEAM_A = Team("team-a", "assistants", ROOT / "examples/team-a.yaml")
TEAM_B = Team("team-b", "helpdesk", ROOT / "examples/team-b.yaml")
LIVE_BINDING = ROOT / "examples/live-binding.yaml"


def with_upstream(manifest: Manifest, upstream: Upstream) -> Manifest:
    """Point a Gateway's agents at an upstream; other kinds are left as they are."""
    if manifest["kind"] != "Gateway":
        return manifest
    spec = dict(manifest["spec"])
    if upstream.base_url:
        spec["provider"] = {**spec["provider"], "baseURL": upstream.base_url}
    if upstream.model:
        spec["agents"] = {name: {**agent, "model": upstream.model} for name, agent in spec["agents"].items()}
    return {**manifest, "spec": spec}


def api_key_secret(namespace: str, api_key: str) -> Manifest:
    """The Secret that the examples' Gateways name."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "anthropic", "namespace": namespace},
        "stringData": {"api-key": api_key},
    }


def apply_team(kubectl: Kubectl, team: Team, upstream: Upstream) -> None:
    """Apply a team's file and the Secret with its API key, and wait until its gateway is ready."""
    namespace, *rest = (with_upstream(manifest, upstream) for manifest in read_manifests(team.file))
    if is_terminating(kubectl, team.namespace):
        delete_namespace(kubectl, team.namespace)
    kubectl.apply(namespace, api_key_secret(team.namespace, upstream.api_key), *rest)
    kubectl.wait("condition=Ready", f"{GATEWAYS}/{team.gateway}", team.namespace)


def is_terminating(kubectl: Kubectl, namespace: str) -> bool:
    """Whether a namespace is being deleted."""
    phase = ("-o", "jsonpath={.status.phase}")
    return kubectl.run("get", "namespace", namespace, "--ignore-not-found", *phase) == "Terminating"


def delete_namespace(kubectl: Kubectl, namespace: str) -> None:
    """Delete a namespace and wait until nothing of it is left, also where somebody deletes it already.

    It is looked for, not watched: a watch that breaks in the long wait would look like a namespace that stays.
    """
    kubectl.run("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
    find = ("get", "namespace", namespace, "--ignore-not-found", "-o", "name")
    eventually(lambda: not kubectl.run(*find), 180, f"namespace {namespace} is gone")


def remove_team(kubectl: Kubectl, team: Team) -> None:
    """Delete a team's Gateway, and once its pods are gone its namespace.

    A namespace deleted with the pods still in it takes a minute longer: Kubernetes then looks at it again only after
    half the pods' grace period.
    """
    gateway = ("-n", team.namespace, "delete", GATEWAYS, team.gateway, "--ignore-not-found")
    if kubectl.run("get", "namespace", team.namespace, "--ignore-not-found", "-o", "name"):
        kubectl.run(*gateway)
        pods = ("pods", "-l", f"tenantry.dev/gateway={team.gateway}")
        kubectl.run("-n", team.namespace, "wait", "--for=delete", *pods, "--timeout=120s", timeout=130)
    delete_namespace(kubectl, team.namespace)


def token_of(kubectl: Kubectl, team: Team) -> str:
    """The gateway's token, from the Secret that the Gateway's status names."""
    status = kubectl.get(GATEWAYS, team.gateway, team.namespace)["status"]
    data: Mapping[str, str] = kubectl.get("secret", status["tokenSecretName"], team.namespace)["data"]
    return base64.b64decode(data["token"]).decode()


def pods_of(kubectl: Kubectl, team: Team) -> list[tuple[str, str, int]]:
    """(name, uid, restarts) of each pod of a team's gateway, sorted."""
    pods = kubectl.items("pods", team.namespace, f"tenantry.dev/gateway={team.gateway}")
    return sorted((pod["metadata"]["name"], pod["metadata"]["uid"], restarts(pod)) for pod in pods)


def restarts(pod: Mapping[str, Any]) -> int:
    """How often a pod's containers have been started again."""
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", ()))


def eventually(probe: Callable[[], T | None], seconds: float, what: str) -> T:
    """Ask until the answer is truthy.

    Raises:
        TimeoutError: naming `what` did not happen.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = probe()
        if answer:
            return answer
        time.sleep(0.1)
    raise TimeoutError(f"not within {seconds:g} s: {what}")
