"""The demo's story as assertions: two teams, a gateway each, real pods and real conversations."""

import urllib.request
from collections.abc import Iterator

import pytest
import yaml

from dev.chat import Chat
from dev.install import read_manifests
from dev.kubectl import Kubectl, KubectlError
from dev.teams import (
    GATEWAYS,
    LIVE_BINDING,
    TEAM_A,
    TEAM_B,
    Team,
    api_key_secret,
    delete_namespace,
    eventually,
    pods_of,
    token_of,
)

DEVOPS = {"channel": "slack", "channelId": "devops-channel"}


def gateway_of(kubectl: Kubectl, team: Team) -> Iterator[Chat]:
    with kubectl.port_forward(team.namespace, f"service/{team.gateway}-gateway", 18789) as base_url:
        yield Chat(base_url, token_of(kubectl, team))


@pytest.fixture(scope="module")
def team_a(kubectl: Kubectl) -> Iterator[Chat]:
    yield from gateway_of(kubectl, TEAM_A)


@pytest.fixture(scope="module")
def team_b(kubectl: Kubectl) -> Iterator[Chat]:
    yield from gateway_of(kubectl, TEAM_B)


def test_messages_reach_the_agent_that_the_bindings_name(team_a: Chat, team_b: Chat) -> None:
    inline = team_a.send("The deployment hangs.", **DEVOPS, senderId="bob").body
    assert (inline["agentId"], inline["binding"]) == ("devops", 0)
    assert "DevOps specialist" in inline["reply"]
    assert "The deployment hangs." in inline["reply"]

    bound = team_a.send("Disk full.", channel="webhook", channelId="pager", senderId="monitor").body
    assert (bound["agentId"], bound["binding"]) == ("oncall", "pager")

    default = team_a.send("Hello!", channel="webchat", senderId="carol").body
    assert (default["agentId"], default["binding"]) == ("main", None)
    assert default["usage"]["input_tokens"] > 0

    templated = team_b.send("Invoice?", channel="telegram", senderId="accounting").body
    assert (templated["agentId"], templated["binding"]) == ("billing", "invoices")
    assert "customer support" in team_b.send("Hi", channel="webchat", senderId="x").body["reply"]


def test_a_session_remembers_and_another_sender_does_not_see_it(team_a: Chat) -> None:
    first = team_a.send("one", channel="webchat", senderId="dora").body
    second = team_a.send("two", channel="webchat", senderId="dora").body
    other = team_a.send("one", channel="webchat", senderId="emil").body
    assert first["sessionKey"] == second["sessionKey"] != other["sessionKey"]
    assert ["turn 1" in reply["reply"] for reply in (first, second, other)] == [True, False, True]
    assert "turn 2" in second["reply"]


def test_a_binding_is_routed_by_without_a_restart_and_unrouted_when_deleted(kubectl: Kubectl, team_a: Chat) -> None:
    message = {**DEVOPS, "senderId": "alice"}
    assert team_a.send("before", **message).body["agentId"] == "devops"
    pods = pods_of(kubectl, TEAM_A)

    def answered_by(agent: str) -> bool:
        return bool(team_a.send("who?", **message).body["agentId"] == agent)

    kubectl.apply(*read_manifests(LIVE_BINDING))
    eventually(lambda: answered_by("oncall"), 5, "the added binding routes")
    kubectl.wait("condition=Programmed", "agentbinding/incident", TEAM_A.namespace, 10)
    changed = read_manifests(LIVE_BINDING)[0]
    changed["spec"]["agentId"] = "main"
    kubectl.apply(changed)
    eventually(lambda: answered_by("main"), 5, "the changed binding routes")
    kubectl.run("-n", TEAM_A.namespace, "delete", "agentbinding", "incident")
    eventually(lambda: answered_by("devops"), 5, "the deleted binding no longer routes")
    assert pods_of(kubectl, TEAM_A) == pods


def test_an_invalid_binding_is_not_accepted_and_harms_no_other(kubectl: Kubectl, team_a: Chat) -> None:
    broken = read_manifests(LIVE_BINDING)[0]
    broken["metadata"]["name"] = "broken"
    broken["spec"]["agentId"] = "nobody"
    kubectl.apply(broken)
    kubectl.wait("condition=Accepted=false", "agentbinding/broken", TEAM_A.namespace, 10)
    conditions = {c["type"]: c for c in kubectl.get("agentbinding", "broken", TEAM_A.namespace)["status"]["conditions"]}
    assert "nobody" in conditions["Accepted"]["message"]
    assert "devops" in conditions["Accepted"]["message"]
    kubectl.wait("condition=Accepted", "agentbinding/pager", TEAM_A.namespace, 10)
    assert team_a.send("Disk full.", channel="webhook", channelId="pager").body["agentId"] == "oncall"
    kubectl.run("-n", TEAM_A.namespace, "delete", "agentbinding", "broken")


def test_a_team_s_token_is_refused_by_the_other_team(kubectl: Kubectl, team_b: Chat) -> None:
    answer = Chat(team_b.base_url, token_of(kubectl, TEAM_A)).send("Let me in.")
    assert answer.status == 401
    assert answer.body["error"]["type"] == "authentication_error"


def test_upstream_failures_are_told_with_the_upstream_s_request_id(team_a: Chat) -> None:
    answers = {code: team_a.send(f"!error {code}", channel="webchat", senderId="err") for code in (400, 401, 500, 529)}
    assert {code: answer.status for code, answer in answers.items()} == {400: 502, 401: 502, 500: 502, 529: 529}
    for answer in answers.values():
        assert answer.body["upstream_request_id"].startswith("req_")
        assert answer.body["request_id"] != answer.body["upstream_request_id"]


def test_a_missing_api_key_is_named_and_heals_without_a_restart(kubectl: Kubectl, team_b: Chat) -> None:
    pods = pods_of(kubectl, TEAM_B)
    key = api_key_secret(TEAM_B.namespace, "sk-ant-e2e")
    kubectl.run("-n", TEAM_B.namespace, "delete", "secret", "anthropic")
    kubectl.wait("condition=SecretsAvailable=false", f"{GATEWAYS}/{TEAM_B.gateway}", TEAM_B.namespace, 10)
    kubectl.apply({**key, "stringData": {"apikey": "sk-ant-e2e"}})

    def message() -> str:
        status = kubectl.get(GATEWAYS, TEAM_B.gateway, TEAM_B.namespace)["status"]
        return str(next(c["message"] for c in status["conditions"] if c["type"] == "SecretsAvailable"))

    eventually(lambda: '"api-key"' in message() and '"apikey"' in message(), 10, "the key that is there is named")
    assert "kubectl -n team-b" in message()
    kubectl.apply(key)
    kubectl.wait("condition=Ready", f"{GATEWAYS}/{TEAM_B.gateway}", TEAM_B.namespace, 30)
    eventually(lambda: team_b.send("Hi", senderId="x").status == 200, 10, "the gateway answers again")
    assert pods_of(kubectl, TEAM_B) == pods


def test_a_changed_api_key_is_picked_up_live(kubectl: Kubectl, team_b: Chat) -> None:
    pods = pods_of(kubectl, TEAM_B)
    kubectl.apply(api_key_secret(TEAM_B.namespace, "not-a-key"))
    eventually(lambda: team_b.send("Hi", senderId="x").status == 502, 10, "the upstream refuses the new key")
    kubectl.apply(api_key_secret(TEAM_B.namespace, "sk-ant-e2e"))
    eventually(lambda: team_b.send("Hi", senderId="x").status == 200, 10, "the mended key is used")
    assert pods_of(kubectl, TEAM_B) == pods


def test_an_invalid_manifest_is_refused_with_the_field_s_path(kubectl: Kubectl) -> None:
    gateway = read_manifests(TEAM_A.file)[1]
    gateway["spec"]["agents"]["main"]["modle"] = gateway["spec"]["agents"]["main"].pop("model")
    with pytest.raises(KubectlError, match=r"spec\.agents\.main\.mod"):
        kubectl.run("apply", "--validate=strict", "-f", "-", stdin=yaml.safe_dump(gateway))


def test_metrics_and_health_need_no_token(team_a: Chat) -> None:
    for path, word in (("/health", "ok"), ("/ready", "configHash"), ("/metrics", "tenantry_gateway_")):
        with urllib.request.urlopen(f"{team_a.base_url}{path}") as response:
            assert word in response.read().decode()


def test_an_answer_in_flight_survives_the_deletion_of_its_pod(kubectl: Kubectl, team_a: Chat) -> None:
    (name, _, _) = pods_of(kubectl, TEAM_A)[0]
    question = " ".join(["!chunk-delay 0.2", *(f"word{index}" for index in range(40))])
    with kubectl.port_forward(TEAM_A.namespace, f"pod/{name}", 18789) as base_url:
        events = Chat(base_url, team_a.token).stream(question, senderId="patient")
        assert next(events)[0] == "delta"
        kubectl.run("-n", TEAM_A.namespace, "delete", "pod", name, "--wait=false")
        *_, (last, answer) = events
    assert last == "done"
    assert answer["reply"].endswith("word39")
    kubectl.wait("condition=Ready", f"{GATEWAYS}/{TEAM_A.gateway}", TEAM_A.namespace)


def test_a_deleted_namespace_leaves_nothing_of_the_team(kubectl: Kubectl) -> None:
    delete_namespace(kubectl, TEAM_B.namespace)
    kinds = "deployments,replicasets,pods,services,secrets,configmaps,serviceaccounts"
    assert not kubectl.run("get", kinds, "-A", "-l", f"tenantry.dev/gateway={TEAM_B.gateway}", "-o", "name")
    kubectl.wait("condition=Ready", f"{GATEWAYS}/{TEAM_A.gateway}", TEAM_A.namespace, 10)
