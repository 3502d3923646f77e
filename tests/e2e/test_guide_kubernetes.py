"""The enterprise guide's manifests, applied as they are written, and its commands in the image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from dev.chat import Chat
from dev.install import GATEWAY_IMAGE, STANDIN_URL, Manifest
from dev.kubectl import Kubectl
from dev.teams import delete_namespace, eventually
from tests.e2e.conftest import Stage
from tests.guide import BLOCKS

NAMESPACE = "guide"
IN = ("-n", NAMESPACE)
TOKEN = "guide-token-0123456789"
DEPLOYMENT, SERVICE = BLOCKS["Kubernetes: yaml"], BLOCKS["Kubernetes: yaml 2"]
OTHER_CLAWDBOT = "clawdbot-in-docker"
UPSTREAM = {"provider": {"baseUrl": STANDIN_URL}}


def named(kind: str, name: str, **fields: object) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, **fields}


def container_of(pod: str, image: str) -> Manifest:
    """The image as Docker runs it: with a writable volume for the state, and nothing told yet."""
    return named(
        "Pod",
        pod,
        spec={
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"fsGroup": 65532},
            "containers": [
                {
                    "name": "clawdbot",
                    "image": image,
                    "command": ["python", "-c", "import time; time.sleep(1e9)"],
                    "env": [{"name": "ANTHROPIC_API_KEY", "value": "sk-ant-guide"}],
                    "volumeMounts": [{"name": "config", "mountPath": "/root/.clawdbot"}],
                }
            ],
            "volumes": [{"name": "config", "emptyDir": {}}],
        },
    )


@dataclass(frozen=True)
class Container:
    """A running container of the image, as `docker exec` sees it."""

    kubectl: Kubectl
    target: str

    def sh(self, script: str) -> str:
        return self.kubectl.run(*IN, "exec", self.target, "--", "sh", "-euc", script)


@pytest.fixture(scope="module")
def applied(stage: Stage) -> Iterator[Container]:
    """The guide's Deployment and Service; only the image has this project's name."""
    image = next(archive.name for archive in stage.archives if archive.repository == GATEWAY_IMAGE)
    agents = yaml.safe_load(BLOCKS["Multi-Agent Routing: yaml"])
    config = {**agents, **UPSTREAM, "gateway": {"auth": {"token": TOKEN}}}
    delete_namespace(stage.kubectl, NAMESPACE)
    stage.kubectl.run("create", "namespace", NAMESPACE)
    stage.kubectl.apply(
        named("ConfigMap", "clawdbot-config", data={"config.yaml": yaml.safe_dump(config)}),
        named("Secret", "clawdbot-secrets", stringData={"anthropic-api-key": "sk-ant-guide"}),
        container_of(OTHER_CLAWDBOT, image),
    )
    assert DEPLOYMENT.count("image: clawdbot:latest\n") == 1
    for document in (DEPLOYMENT.replace("clawdbot:latest", image), SERVICE):
        stage.kubectl.run(*IN, "apply", "-f", "-", stdin=document)
    stage.kubectl.run(*IN, "rollout", "status", "deployment/clawdbot-gateway", "--timeout=120s")
    yield Container(stage.kubectl, "deployment/clawdbot-gateway")
    delete_namespace(stage.kubectl, NAMESPACE)


@pytest.fixture(scope="module")
def chat(applied: Container) -> Iterator[Chat]:
    with applied.kubectl.port_forward(NAMESPACE, "service/clawdbot", 18789) as url:
        yield Chat(url, TOKEN)


def test_the_guides_pod_answers_through_the_guides_service(chat: Chat) -> None:
    routed = chat.send("The deployment hangs.", channel="slack", channelId="devops-channel").body
    assert routed["agentId"] == "devops"
    assert "DevOps specialist" in routed["reply"]
    assert "The deployment hangs." in routed["reply"]
    assert chat.send("Hello!", channel="telegram", senderId="support-team").body["agentId"] == "support"
    assert Chat(chat.base_url, "another-token").send("Hello!").status == 401


def test_the_guides_pod_keeps_its_state_beside_the_configuration_that_is_mounted_read_only(
    applied: Container, chat: Chat
) -> None:
    chat.send("Is this kept?", senderId="keeper")

    assert "/root/.clawdbot" in applied.sh("! touch /root/.clawdbot/anything 2>&1")
    assert {"audit.jsonl", "credentials", "sessions"} <= set(applied.sh("ls /var/lib/tenantry").split())
    assert "Is this kept?" in applied.sh("cat $(find /var/lib/tenantry/sessions -name '*.jsonl')")
    assert applied.sh("clawdbot audit verify").startswith("as it was written: ")


def test_the_guides_pod_is_well_by_its_own_account(applied: Container) -> None:
    found = applied.sh("clawdbot doctor")

    assert "error" not in found
    assert "/var/lib/tenantry can be written" in found
    assert "/root/.clawdbot/config.yaml is valid: agents devops, main, support" in found
    assert "a gateway is ready at http://127.0.0.1:18789/ready" in found


@pytest.fixture(scope="module")
def docker(applied: Container) -> Container:
    """A container with nothing but the image's own and a volume at the guide's path."""
    applied.kubectl.wait("condition=Ready", f"pod/{OTHER_CLAWDBOT}", NAMESPACE)
    return Container(applied.kubectl, OTHER_CLAWDBOT)


def test_the_images_volume_is_configured_and_served_by_the_guides_commands(docker: Container) -> None:
    assert docker.sh("id -u").strip() == "65532"
    docker.sh(f'clawdbot config set gateway.auth.token "{TOKEN}"')
    docker.sh("clawdbot config set agents.main '{model: claude-sonnet-4-20250514, system: You are in a container.}'")
    docker.sh(f"clawdbot config set provider.baseUrl {STANDIN_URL}")
    docker.sh("clawdbot config validate")
    docker.sh("nohup clawdbot gateway run --bind 0.0.0.0 > /dev/null 2> /root/.clawdbot/log &")
    # The compose file's health check.
    health = "curl -sf http://localhost:18789/health || true"
    eventually(lambda: docker.sh(health) == '{"status": "ok"}', 60, "the gateway is up")

    with docker.kubectl.port_forward(NAMESPACE, f"pod/{OTHER_CLAWDBOT}", 18789) as url:
        assert "You are in a container." in Chat(url, TOKEN).send("Hello!").body["reply"]
    assert {"audit.jsonl", "config.yaml", "sessions"} <= set(docker.sh("ls /root/.clawdbot").split())
    assert docker.sh("clawdbot audit verify").startswith("as it was written: ")
    found = docker.sh("clawdbot doctor")
    assert "error" not in found
    assert "/root/.clawdbot can be written" in found
    assert [
        line for line in docker.sh("cat /root/.clawdbot/log").splitlines() if json.loads(line)["level"] == "error"
    ] == []
