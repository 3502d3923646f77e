"""The enterprise guide's configuration snippets, verbatim: each loads as it stands."""

from __future__ import annotations

import pytest

from tenantry_config.load import Resolved, load_config
from tenantry_config.routing import Message, route, session_key

SINGLE_TENANT = """\
# config.yaml
gateway:
  port: 18789
  auth:
    mode: token
    token: ${GATEWAY_TOKEN}

rbac:
  enabled: true
  defaultRole: user
  assignments:
    "admin@company.com": admin
    "dev@company.com": operator
"""

MULTI_AGENT = """\
# config.yaml
agents:
  main:
    model: claude-sonnet-4-20250514
    system: "You are a general assistant."

  devops:
    model: claude-sonnet-4-20250514
    system: "You are a DevOps specialist."
    tools:
      policy: elevated

  support:
    model: claude-sonnet-4-20250514
    system: "You are a customer support agent."
    tools:
      policy: read-only

bindings:
  - channel: slack
    channelId: "devops-channel"
    agentId: devops

  - channel: telegram
    senderId: "support-team"
    agentId: support
"""

PER_USER = """\
# config.yaml
agents:
  template:
    model: claude-sonnet-4-20250514
    session:
      mode: persistent
      dir: ~/.clawdbot/sessions/${senderId}

bindings:
  - channel: "*"
    agentId: template
    sessionKey: "${channel}:${senderId}"
"""

TRUSTED_PROXIES = """\
gateway:
  trustedProxies:
    - "10.0.0.0/8"
    - "172.16.0.0/12"
    - "192.168.0.0/16"
"""


def resolve(name: str) -> Resolved | None:
    return Resolved("team-a-token", secret=True) if name == "GATEWAY_TOKEN" else None


@pytest.mark.parametrize("snippet", [SINGLE_TENANT, MULTI_AGENT, PER_USER, TRUSTED_PROXIES])
def test_every_configuration_snippet_of_the_guide_loads(snippet: str) -> None:
    load_config(snippet, resolve)


def test_the_single_tenant_snippet_takes_its_token_from_the_variable() -> None:
    config = load_config(SINGLE_TENANT, resolve)

    assert config.gateway.auth.token is not None
    assert config.gateway.auth.token.get_secret_value() == "team-a-token"
    assert config.rbac.role_of("admin@company.com") == "admin"
    assert config.rbac.role_of("dev@company.com") == "operator"
    assert config.rbac.role_of("anyone@company.com") == "user"


@pytest.mark.parametrize(
    ("message", "agent_id"),
    [
        (Message("slack", "devops-channel", "alice"), "devops"),
        (Message("slack", "random", "alice"), "main"),
        (Message("telegram", None, "support-team"), "support"),
        (Message("telegram", None, "alice"), "main"),
    ],
)
def test_the_multi_agent_snippet_routes_as_the_guide_says(message: Message, agent_id: str) -> None:
    assert route(load_config(MULTI_AGENT, resolve), message).agent_id == agent_id


def test_the_per_user_snippet_gives_each_sender_a_session() -> None:
    config = load_config(PER_USER, resolve)
    keys = {
        session_key(route(config, message), message) for message in (Message("a", None, "x"), Message("a", None, "y"))
    }

    assert keys == {"a:x", "a:y"}


def test_the_snippets_work_together_as_one_file() -> None:
    whole = SINGLE_TENANT.replace("gateway:\n", TRUSTED_PROXIES) + MULTI_AGENT.removeprefix("# config.yaml\n")
    config = load_config(whole, resolve)

    assert len(config.gateway.trusted_proxies) == 3
    assert set(config.agents) == {"main", "devops", "support"}
