"""Rotation of the generated token with real pods: a client that never stops is never refused, and no pod restarts."""

import base64
import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

import pytest

from dev.chat import Chat
from dev.kubectl import Kubectl, KubectlError
from dev.teams import GATEWAYS, TEAM_A, apply_team, eventually, pods_of, remove_team, token_of
from tests.e2e.conftest import Stage

SECRET = "assistants-token"


@pytest.fixture(scope="module")
def kubectl(stage: Stage) -> Iterator[Kubectl]:
    """kubectl with one team applied, fresh and ready."""
    remove_team(stage.kubectl, TEAM_A)
    apply_team(stage.kubectl, TEAM_A, stage.upstream)
    yield stage.kubectl
    remove_team(stage.kubectl, TEAM_A)


@pytest.fixture(scope="module")
def base_url(kubectl: Kubectl) -> Iterator[str]:
    with kubectl.port_forward(TEAM_A.namespace, f"service/{TEAM_A.gateway}-gateway", 18789) as url:
        yield url


@dataclass
class Client:
    """Asks without a pause with every token that is valid; a new one is used the moment it can be read."""

    kubectl: Kubectl
    base_url: str
    tokens: list[str]
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By token and status."""
    faults: list[Exception] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        for work in (self._hammer, self._read):
            thread = threading.Thread(target=self._until_stopped, args=(work,))
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def use(self, token: str) -> int:
        """400 where the token is accepted, since the body is empty; 401 where it is not."""
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.base_url}/v1/chat", b"{}", headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def _until_stopped(self, work: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                work()
            except (OSError, KeyError, KubectlError) as error:
                self.faults.append(error)
                return

    def _hammer(self) -> None:
        for token in tuple(self.tokens):
            self.answers[token, self.use(token)] += 1

    def _read(self) -> None:
        token = token_of(self.kubectl, TEAM_A)
        if token not in self.tokens:
            self.answers[token, self.use(token)] += 1
            self.tokens.append(token)


def said(kubectl: Kubectl) -> str:
    """What the operator says of the rotation."""
    conditions = kubectl.get(GATEWAYS, TEAM_A.gateway, TEAM_A.namespace)["status"]["conditions"]
    return next((f"{c['reason']}: {c['message']}" for c in conditions if c["type"] == "TokenRotated"), "")


def test_no_request_is_refused_during_a_rotation_and_no_pod_restarts(kubectl: Kubectl, base_url: str) -> None:
    pods, old = pods_of(kubectl, TEAM_A), token_of(kubectl, TEAM_A)

    with Client(kubectl, base_url, [old]) as client:
        kubectl.run("-n", TEAM_A.namespace, "annotate", GATEWAYS, TEAM_A.gateway, "tenantry.dev/rotate-token=first")
        eventually(lambda: said(kubectl).startswith("InOverlap: The token was rotated at"), 60, "it is rotated")
        new = token_of(kubectl, TEAM_A)
        eventually(lambda: client.answers[new, 400] >= 100 or client.faults, 60, "the new token was used often")

    assert client.faults == []
    assert {status for _, status in client.answers} == {400}, dict(client.answers)
    assert set(client.tokens) == {old, new}
    assert client.answers[old, 400] > client.answers[new, 400]
    assert "Not confirmed" not in said(kubectl)
    assert pods_of(kubectl, TEAM_A) == pods
    assert Chat(base_url, old).send("Hello!", senderId="carol").status == 200
    assert Chat(base_url, new).send("Hello!", senderId="carol").status == 200


def test_after_the_overlap_the_old_token_is_refused_and_no_pod_restarts(kubectl: Kubectl, base_url: str) -> None:
    pods, secret = pods_of(kubectl, TEAM_A), kubectl.get("secret", SECRET, TEAM_A.namespace)
    assert "previous-token" in secret["data"]
    client = Client(kubectl, base_url, [token_of(kubectl, TEAM_A)])
    begun = (datetime.now(UTC) - timedelta(hours=24)).strftime("%Y-%m-%dT%H:%M:%SZ")
    old = base64.b64decode(secret["data"]["previous-token"]).decode()
    patch = json.dumps({"metadata": {"annotations": {"tenantry.dev/rotated-at": begun}}})

    kubectl.run("-n", TEAM_A.namespace, "patch", "secret", SECRET, "-p", patch)

    eventually(lambda: said(kubectl).startswith("Rotated"), 30, "the overlap ends")
    eventually(lambda: client.use(old) == 401, 30, "the old token is refused")
    assert client.use(client.tokens[0]) == 400
    assert pods_of(kubectl, TEAM_A) == pods


def test_a_leaked_token_is_refused_soon_after_its_secret_is_deleted(kubectl: Kubectl, base_url: str) -> None:
    pods, leaked = pods_of(kubectl, TEAM_A), token_of(kubectl, TEAM_A)
    client = Client(kubectl, base_url, [leaked])

    kubectl.run("-n", TEAM_A.namespace, "delete", "secret", SECRET)

    eventually(lambda: client.use(leaked) == 401, 30, "the leaked token is refused")
    assert client.use(token_of(kubectl, TEAM_A)) == 400
    assert pods_of(kubectl, TEAM_A) == pods
