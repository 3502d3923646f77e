"""`make demo`: two teams get a gateway each and talk to it, on a real cluster, step by step with everything shown."""

import os
import sys
import time
from collections.abc import Callable

from dev.chat import Answer, Chat
from dev.cluster import Provider, choose_provider
from dev.errors import DevError
from dev.images import build
from dev.install import STANDIN_URL, install_operator, install_standin, read_manifests
from dev.kubectl import Kubectl, KubectlError
from dev.teams import (
    GATEWAYS,
    LIVE_BINDING,
    TEAM_A,
    TEAM_B,
    Team,
    Upstream,
    apply_team,
    eventually,
    pods_of,
    remove_team,
    token_of,
)

Message = dict[str, str]


def step(title: str) -> None:
    """Announce a step."""
    print(f"\n\033[1m== {title}\033[0m" if sys.stdout.isatty() else f"\n== {title}", flush=True)


def choose_upstream() -> Upstream:
    """The real Anthropic API where ANTHROPIC_API_KEY is set, else the stand-in."""
    key = os.environ.get("ANTHROPIC_API_KEY")
    if key:
        return Upstream(None, key, os.environ.get("DEMO_MODEL"))
    return Upstream(STANDIN_URL, "sk-ant-demo")


def prepare(upstream: Upstream) -> tuple[Provider, Kubectl]:
    """Cluster, images, operator and, without a real API key, the stand-in API."""
    step("Cluster and images")
    provider = choose_provider()
    if upstream.base_url is None and provider.name == "local":
        raise DevError("the local cluster has no way to the internet: unset ANTHROPIC_API_KEY, or use CLUSTER=kind")
    archives = build(["operator", "gateway"] + (["standin"] if upstream.base_url else []))
    provider.up()
    provider.load(archives)
    kubectl = Kubectl(provider.kubectl, provider.kubeconfig)
    step("Operator: helm upgrade --install tenantry-crds charts/tenantry-crds; … tenantry charts/tenantry")
    install_operator(kubectl, archives)
    if upstream.base_url:
        print("The answers come from a stand-in for the Anthropic API: they repeat the question.")
        install_standin(kubectl, archives)
    return provider, kubectl


def ask(chat: Chat, text: str, **message: str) -> Answer:
    """Send one message and print who answered what."""
    answer = chat.send(text, **message)
    origin = "/".join(message.get(name, "-") for name in ("channel", "channelId", "senderId"))
    if answer.status != 200:
        raise DevError(f"{origin}: {answer.status} {answer.body}")
    binding = "default agent" if answer.body["binding"] is None else f"binding {answer.body['binding']}"
    print(f"  {origin:<32} -> agent {answer.body['agentId']}, {binding}\n    {answer.body['reply']}")
    return answer


def show_live_binding(kubectl: Kubectl, chat: Chat) -> None:
    """Add a binding while the gateway runs; the same pod answers by it."""
    message: Message = {"channel": "slack", "channelId": "devops-channel", "senderId": "alice"}
    before = pods_of(kubectl, TEAM_A)
    if kubectl.run("-n", TEAM_A.namespace, "delete", "agentbinding", "incident", "--ignore-not-found"):
        routes_to(chat, message, "devops")
    ask(chat, "Who is listening?", **message)
    started = time.monotonic()
    kubectl.apply(*read_manifests(LIVE_BINDING))
    routes_to(chat, message, "oncall")
    print(f"  examples/live-binding.yaml applied; routed by it after {time.monotonic() - started:.1f} s")
    ask(chat, "Who is listening now?", **message)
    after = pods_of(kubectl, TEAM_A)
    if before != after:
        raise DevError(f"the pod changed: {before} -> {after}")
    print(f"  still the same pod, {after[0][0]}, {after[0][2]} restarts")


def routes_to(chat: Chat, message: Message, agent: str) -> None:
    """Wait until a message is answered by an agent."""

    def answered() -> bool:
        return chat.send("Which agent are you?", **message).body.get("agentId") == agent

    eventually(answered, 10, f"{message} is answered by agent {agent}")


def with_gateway(kubectl: Kubectl, team: Team, talk: Callable[[Chat], None]) -> None:
    """Reach a team's gateway through a port-forward."""
    with kubectl.port_forward(team.namespace, f"service/{team.gateway}-gateway", 18789) as base_url:
        talk(Chat(base_url, token_of(kubectl, team)))


def talk_to_team_a(chat: Chat) -> None:
    """Three origins, three agents."""
    ask(chat, "Hello!", channel="webchat", senderId="alice")
    ask(chat, "And do you remember me?", channel="webchat", senderId="alice")
    ask(chat, "The deployment hangs.", channel="slack", channelId="devops-channel", senderId="bob")
    ask(chat, "Disk full on db-1.", channel="webhook", channelId="pager", senderId="monitor")


def talk_to_team_b(chat: Chat) -> None:
    """Two origins, two agents."""
    ask(chat, "My order is late.", channel="webchat", senderId="customer-17")
    ask(chat, "Where is invoice 4711?", channel="telegram", senderId="accounting")


def show_refusal(kubectl: Kubectl) -> None:
    """Team A's token is worth nothing at team B's gateway."""
    stolen = token_of(kubectl, TEAM_A)

    def refused(chat: Chat) -> None:
        answer = Chat(chat.base_url, stolen).send("Let me in.")
        if answer.status != 401:
            raise DevError(f"team A's token was answered {answer.status} by team B")
        print(f"  {answer.status} {answer.body['error']['message']}")

    with_gateway(kubectl, TEAM_B, refused)


def show_deletion(kubectl: Kubectl) -> None:
    """Delete one team; nothing of it stays, and the other does not notice."""
    remove_team(kubectl, TEAM_B)
    kinds = "deployments,replicasets,pods,services,secrets,configmaps,serviceaccounts,gateways.tenantry.dev,tab"
    left = kubectl.run("get", kinds, "-A", "-l", f"tenantry.dev/gateway={TEAM_B.gateway}", "-o", "name")
    left += kubectl.run("get", "namespace", TEAM_B.namespace, "--ignore-not-found", "-o", "name")
    if left:
        raise DevError(f"left of {TEAM_B.namespace}: {left}")
    print("  nothing of it is left, and team A has all of its own:")
    print(kubectl.run("get", "tgw,tab", "-A"))


def run_story(kubectl: Kubectl, upstream: Upstream) -> None:
    """The conversation, from two manifests to one deleted team."""
    for team in (TEAM_A, TEAM_B):
        step(f"{team.namespace}: kubectl apply -f {team.file.relative_to(team.file.parent.parent)}")
        apply_team(kubectl, team, upstream)
        print(f"  {GATEWAYS}/{team.gateway} is Ready")
    step("kubectl get tgw,tab -A")
    print(kubectl.run("get", "tgw,tab", "-A"))
    step("A conversation with team A's gateway (channel/channelId/senderId)")
    with_gateway(kubectl, TEAM_A, talk_to_team_a)
    step("A conversation with team B's gateway")
    with_gateway(kubectl, TEAM_B, talk_to_team_b)
    step("A binding added live")
    with_gateway(kubectl, TEAM_A, lambda chat: show_live_binding(kubectl, chat))
    step("Team A's token at team B's gateway")
    show_refusal(kubectl)
    step("Team B leaves: kubectl -n team-b delete tgw helpdesk; kubectl delete namespace team-b")
    show_deletion(kubectl)


def print_next_steps(provider: Provider) -> None:
    """How to go on, and how to take it all down."""
    step("The cluster stays up. Go on with:")
    print(f"""  export KUBECONFIG={provider.kubeconfig}
  alias kubectl={provider.kubectl}
  kubectl -n team-a describe tgw assistants
  kubectl explain tgw.spec
  kubectl -n team-a port-forward service/assistants-gateway 18789 &
  token=$(kubectl -n team-a get secret assistants-token -o jsonpath='{{.data.token}}' | base64 -d)
  curl -H "authorization: Bearer $token" -d '{{"text": "Hello!"}}' http://127.0.0.1:18789/v1/chat
Take it down with:
  make cluster-down""")


def main() -> int:
    """Run the demo; the exit code is 1, with one line that says why, where it cannot go on."""
    started = time.monotonic()
    try:
        upstream = choose_upstream()
        provider, kubectl = prepare(upstream)
        run_story(kubectl, upstream)
    except (DevError, KubectlError, TimeoutError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print_next_steps(provider)
    print(f"\nThe demo took {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
