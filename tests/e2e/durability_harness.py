"""A tenant of its own, the ways in which its pod ends, and what its clients can hold it to from outside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from dev.install import ROOT, Manifest
from dev.kubectl import Kubectl
from dev.teams import (
    GATEWAYS,
    TEAM_A,
    Team,
    Upstream,
    api_key_secret,
    delete_namespace,
    eventually,
    remove_team,
    restarts,
    token_of,
)
from tests.integration.kill_harness import Kept

TEAM = Team("team-durable", "keeper", TEAM_A.file)
ADMIN = {"enabled": True, "assignments": {"token:shared": "admin"}}
GRACE_SECONDS = 40
STATE = "/var/lib/tenantry"
OUTSIDE = "outside"
"""Namespace and name of the pod from which the tenant is called, and its process killed."""
PAGE = 100
NAME_LABEL = "kubernetes.io/metadata.name"
CROWD = [ROOT / "tests/integration" / name for name in ("crowd_harness.py", "gateway_harness.py")]
FINALIZER = "tenantry.dev/seen-to-its-end"
"""Keeps a pod's object until somebody has read how it ended."""

# The process is the first of its container: only from outside can it be killed.
KILL = """
import os, sys
for name in filter(str.isdigit, os.listdir('/proc')):
    try:
        group, status = (open(f'/proc/{name}/{file}').read() for file in ('cgroup', 'status'))
    except OSError:
        continue
    within = next(line for line in status.splitlines() if line.startswith('NSpid:')).split()
    if sys.argv[1] in group and within[-1] == '1':
        os.kill(int(name), 9)
        print(name)
"""


def gateway(upstream: Upstream, **spec: object) -> Manifest:
    """The tenant's Gateway; whoever has the token is an admin."""
    return {
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "Gateway",
        "metadata": {"name": TEAM.gateway, "namespace": TEAM.namespace},
        "spec": {
            "provider": {"apiKeySecretRef": {"name": "anthropic"}, "baseURL": upstream.base_url},
            "agents": {name: {"model": "claude-opus-4-5", "system": name} for name in ("main", "ops")},
            "bindings": [{"channel": "slack", "channelId": "alarms", "agentId": "ops"}],
            "rbac": ADMIN,
            "networkPolicy": {"ingressFrom": [{"namespaceSelector": {"matchLabels": {NAME_LABEL: OUTSIDE}}}]},
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            **spec,
        },
    }


def outside(image: str) -> list[Manifest]:
    """A pod that sees the node's processes and may kill them, and in which a crowd can be held."""
    modules = {path.name: path.read_text() for path in CROWD}
    mounted = [{"key": name, "path": f"tests/integration/{name}"} for name in modules]
    container = {
        "name": OUTSIDE,
        "image": image,
        "command": ["python", "-c", "import time; time.sleep(1e9)"],
        "env": [{"name": "PYTHONPATH", "value": "/crowd"}],
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "crowd", "mountPath": "/crowd"}],
    }
    spec = {
        "hostPID": True,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "crowd", "configMap": {"name": OUTSIDE, "items": mounted}}],
    }
    meta = {"name": OUTSIDE, "namespace": OUTSIDE}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": modules},
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec},
    ]


@dataclass(frozen=True)
class Reached:
    """The gateway over a port-forward."""

    url: str
    token: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        async with self.session.get(f"{self.url}{path}", params=query) as response:
            assert response.status == 200, await response.text()
            body: dict[str, Any] = await response.json()
            return body

    async def sessions(self) -> list[list[Kept]]:
        """Every session's turns, the oldest first, as the API tells them."""
        found, query = [], {"limit": str(PAGE)}
        while True:
            page = await self.get("/v1/sessions", **query)
            found += [await self._turns(one["id"]) for one in page["data"]]
            if not page["hasMore"]:
                return found
            query["after"] = page["lastId"]

    async def _turns(self, session: str) -> list[Kept]:
        turns: list[dict[str, Any]] = []
        query, more = {"limit": str(PAGE)}, True
        while more:
            page = await self.get(f"/v1/sessions/{session}", **query)
            turns, more = [*turns, *page["turns"]], page["hasMore"]
            query["before"] = str(turns[-1]["number"])
        return [Kept(turn["message"], turn["id"], turn["reply"]) for turn in reversed(turns)]

    async def events(self) -> list[dict[str, Any]]:
        """The whole audit log, the oldest event first."""
        events: list[dict[str, Any]] = []
        query = {"limit": str(PAGE)}
        while page := (await self.get("/v1/audit", **query))["data"]:
            events = [*page, *events]
            query["before"] = str(page[0]["n"])
        return events


@dataclass(frozen=True)
class Tenant:
    """The Gateway's pod, seen through kubectl."""

    kubectl: Kubectl

    def pods(self) -> list[dict[str, Any]]:
        return self.kubectl.items("pods", TEAM.namespace, f"tenantry.dev/gateway={TEAM.gateway}")

    def ready_pod(self, besides: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The pod that serves, once there is one, in another life than `besides`."""
        before = _life(besides) if besides else None

        def found() -> dict[str, Any] | None:
            serving = (pod for pod in self.pods() if is_ready(pod) and "deletionTimestamp" not in pod["metadata"])
            return next((pod for pod in serving if _life(pod) != before), None)

        return eventually(found, 120, "a pod is ready")

    @asynccontextmanager
    async def reached(self, pod: Mapping[str, Any]) -> AsyncIterator[Reached]:
        token = token_of(self.kubectl, TEAM)
        headers = {"Authorization": f"Bearer {token}"}
        with self.kubectl.port_forward(TEAM.namespace, f"pod/{pod['metadata']['name']}", 18789) as url:
            async with aiohttp.ClientSession(headers=headers) as session:
                yield Reached(url, token, session)

    @asynccontextmanager
    async def crowd(self, text: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A crowd that reaches the tenant through its Service: a port-forward breaks when one of its clients is cut."""
        url = f"http://{TEAM.gateway}-gateway.{TEAM.namespace}.svc:18789"
        program = ("python", "-m", "tests.integration.crowd_harness", url, token_of(self.kubectl, TEAM), text)
        command = [str(self.kubectl.binary), "--kubeconfig", str(self.kubectl.kubeconfig)]
        command += ["-n", OUTSIDE, "exec", OUTSIDE, "--", *program]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def execute(self, code: str, *arguments: str) -> str:
        """What Python says in the serving container."""
        command = ("-c", "gateway", "--", "python", "-c", code, *arguments)
        return self.kubectl.run("-n", TEAM.namespace, "exec", self.ready_pod()["metadata"]["name"], *command).strip()

    def kill_process(self, pod: Mapping[str, Any]) -> None:
        """SIGKILL: the container begins again in its pod."""
        identity = pod["status"]["containerStatuses"][0]["containerID"].partition("://")[2]
        killed = self.kubectl.run("-n", OUTSIDE, "exec", OUTSIDE, "--", "python", "-c", KILL, identity)
        assert len(killed.split()) == 1, killed

    def force_deletion(self, pod: Mapping[str, Any]) -> None:
        """The pod is forgotten at once, and another one takes its volume."""
        self.kubectl.run(
            "-n",
            TEAM.namespace,
            "delete",
            "pod",
            pod["metadata"]["name"],
            "--grace-period=0",
            "--force",
            "--wait=false",
        )

    def delete(self, pod: Mapping[str, Any], *flags: str) -> None:
        self.kubectl.run("-n", TEAM.namespace, "delete", "pod", pod["metadata"]["name"], "--wait=false", *flags)

    def restart(self, pod: Mapping[str, Any]) -> None:  # noqa: ARG002 - whichever it is
        self.kubectl.run("-n", TEAM.namespace, "rollout", "restart", f"deployment/{TEAM.gateway}-gateway")

    def ended(self, pod: Mapping[str, Any], how: Callable[[Mapping[str, Any]], None]) -> tuple[dict[str, Any], str]:
        """End a pod: how its container has terminated, and when its grace period was over."""
        name = pod["metadata"]["name"]
        self._finalizers(name, [FINALIZER])
        how(pod)

        def terminated() -> tuple[dict[str, Any], str] | None:
            seen = self.kubectl.get("pod", name, TEAM.namespace)
            state: dict[str, Any] | None = seen["status"]["containerStatuses"][0]["state"].get("terminated")
            return (state, seen["metadata"]["deletionTimestamp"]) if state else None

        try:
            return eventually(terminated, 120, "the pod has ended")
        finally:
            self._finalizers(name, [])

    def _finalizers(self, pod: str, names: list[str]) -> None:
        patch = json.dumps({"metadata": {"finalizers": names}})
        self.kubectl.run("-n", TEAM.namespace, "patch", "pod", pod, "--type=merge", "-p", patch)


def is_ready(pod: Mapping[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))


def _life(pod: Mapping[str, Any]) -> tuple[str, int]:
    return pod["metadata"]["uid"], restarts(pod)


def remove(kubectl: Kubectl) -> None:
    """Everything of the tenant, and the pod outside."""
    remove_team(kubectl, TEAM)
    delete_namespace(kubectl, OUTSIDE)


def set_up(kubectl: Kubectl, upstream: Upstream, image: str) -> Tenant:
    """The tenant, fresh and ready, and the pod outside."""
    remove(kubectl)
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespaces: list[Manifest] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in ((TEAM.namespace, restricted), (OUTSIDE, {}))
    ]
    kubectl.apply(*namespaces, api_key_secret(TEAM.namespace, upstream.api_key), gateway(upstream))
    # The first service account of a namespace comes a moment after it.
    eventually(lambda: kubectl.items("serviceaccounts", OUTSIDE), 30, "the namespace has its service account")
    kubectl.apply(*outside(image))
    kubectl.wait("condition=Ready", f"pod/{OUTSIDE}", OUTSIDE)
    kubectl.wait("condition=Ready", f"{GATEWAYS}/{TEAM.gateway}", TEAM.namespace)
    return Tenant(kubectl)
