"""The enterprise guide's deployment patterns, word for word: its configurations serve, its commands make them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from dev.cluster.control_plane import free_ports
from tests.guide import BLOCKS, claims
from tests.integration.gateway_harness import TOKEN, Gateway
from tests.integration.guide_harness import SONNET, Home, home

__all__ = ["home"]

MULTI_AGENT = BLOCKS["Multi-Agent Routing: yaml"]
SETUP = BLOCKS["Multi-Tenant (Isolated Teams): bash"]


async def status(gateway: Gateway, token: str | None) -> int:
    """What a message is answered that comes with a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {"Authorization": ""}
    async with gateway.session.post(f"{gateway.url}/v1/chat", json={"text": "hi"}, headers=headers) as response:
        return response.status


async def system_of(gateway: Gateway, **fields: str) -> str:
    """The system prompt that answered a message."""
    code, body = await gateway.chat("hi", **fields)
    assert code == 200, body
    match = re.fullmatch(rf"\[{SONNET}\] (.*) \| turn \d+ \| hi", body["reply"])
    assert match is not None, body
    return match[1]


@claims("Single-Tenant (Recommended for Teams): yaml")
async def test_the_single_tenant_configuration_serves_who_has_the_token_by_role(home: Home, snippet: str) -> None:
    home.configure(snippet + MULTI_AGENT)
    async with home.gateway() as gateway:
        await gateway.ready()

        assert [await status(gateway, token) for token in (TOKEN, "wrong", None)] == [200, 401, 401]
        code, body = await gateway.chat("hi", agentId="devops")
        assert (code, body["error"]["type"]) == (403, "permission_error")
    home.bash("clawdbot config set rbac.assignments.token:shared operator")
    async with home.gateway() as gateway:
        assert (await gateway.chat("hi", agentId="devops"))[0] == 200


async def test_the_single_tenant_configuration_is_ready_without_agents(home: Home) -> None:
    home.configure(BLOCKS["Single-Tenant (Recommended for Teams): yaml"])
    async with home.gateway() as gateway:
        await gateway.ready()

        code, body = await gateway.chat("hi")
        assert (code, body["error"]["type"]) == (404, "not_found_error")


@claims("Single-Tenant (Recommended for Teams): drawing")
async def test_the_users_in_the_drawing_share_a_gateway_and_not_their_sessions(home: Home, snippet: str) -> None:
    users = re.findall(r"User [A-Z]", snippet)
    assert len(users) == 3
    home.configure(MULTI_AGENT)
    async with home.gateway() as gateway:
        bodies = [(await gateway.chat("hi", channel="slack", senderId=user))[1] for user in users]

    assert {body["agentId"] for body in bodies} == {"main"}
    assert len({body["sessionKey"] for body in bodies}) == 3


def teams(base_url: str, directory: Path) -> list[Home]:
    """The two teams' hosts, each set up by its half of the guide's commands."""
    halves = SETUP.split("\n\n")
    homes = [Home(directory / name, base_url, {"ANTHROPIC_API_KEY": "sk-ant-x"}) for name in ("a", "b")]
    for team, half in zip(homes, halves, strict=True):
        team.directory.mkdir()
        team.bash(half)
    return homes


@claims("Multi-Tenant (Isolated Teams): bash")
def test_the_commands_make_a_configuration_for_each_team(home: Home, snippet: str) -> None:
    assert snippet == SETUP
    written = [yaml.safe_load((team.clawdbot / "config.yaml").read_text()) for team in teams("", home.directory)]

    assert written == [
        {"gateway": {"port": 18789, "auth": {"token": "team-a-token"}}},
        {"gateway": {"port": 18790, "auth": {"token": "team-b-token"}}},
    ]
    home.bash(snippet)
    assert home.bash("clawdbot config get gateway.port") == "18790\n"
    assert home.bash("clawdbot config get --show-secrets gateway.auth.token") == "team-b-token\n"
    assert "team-b-token" not in home.bash("clawdbot config get")


@claims("Multi-Tenant (Isolated Teams): drawing")
async def test_the_two_gateways_in_the_drawing_are_apart(home: Home, snippet: str) -> None:
    homes = teams(home.base_url, home.directory)
    ports = [int(port) for port in re.findall(r"Port (\d+)", snippet)]
    assert ports == [int(team.bash("clawdbot config get gateway.port")) for team in homes]
    for team, port in zip(homes, free_ports(2), strict=True):
        team.bash(f"clawdbot config set gateway.port {port}")
        team.bash("clawdbot config set agents.main.model claude-sonnet-4-20250514")

    run = ("clawdbot", "gateway", "run")
    async with homes[0].gateway(run) as a, homes[1].gateway(run) as b:
        assert [await status(a, token) for token in ("team-a-token", "team-b-token")] == [200, 401]
        assert [await status(b, token) for token in ("team-a-token", "team-b-token")] == [401, 200]
        assert [gateway.port for gateway in (a, b)] == [
            int(team.bash("clawdbot config get gateway.port")) for team in homes
        ]
    for team in homes:
        assert (team.clawdbot / "audit.jsonl").stat().st_size > 0


@claims("Multi-Agent Routing: yaml")
async def test_the_multi_agent_configuration_routes_by_channel_and_identity(home: Home, snippet: str) -> None:
    home.configure(snippet)
    async with home.gateway() as gateway:
        await gateway.ready()

        assert await system_of(gateway, channel="slack", channelId="devops-channel") == "You are a DevOps specialist."
        support = await system_of(gateway, channel="telegram", senderId="support-team")
        assert support == "You are a customer support agent."
        for fields in ({"channel": "slack", "channelId": "random"}, {"channel": "telegram", "senderId": "x"}, {}):
            assert await system_of(gateway, **fields) == "You are a general assistant."


@claims("Per-User Agent Isolation: yaml")
async def test_the_per_user_configuration_keeps_each_users_sessions_in_a_directory(home: Home, snippet: str) -> None:
    home.configure(snippet)
    async with home.gateway() as gateway:
        await gateway.ready()
        for text in ("first", "second"):
            for user in ("alice", "bob"):
                code, body = await gateway.chat(f"{text} of {user}", channel="slack", senderId=user)
                assert (code, body["sessionKey"], body["agentId"]) == (200, f"slack:{user}", "template")

    sessions = home.clawdbot / "sessions"
    assert sorted(entry.name for entry in sessions.iterdir()) == ["alice", "bob"]
    for user, other in (("alice", "bob"), ("bob", "alice")):
        (file,) = (sessions / user).rglob("*.jsonl")
        lines = file.read_text().splitlines()
        assert [json.loads(line)["message"] for line in lines][-2:] == [f"first of {user}", f"second of {user}"]
        assert other not in file.read_text()
    async with home.gateway() as gateway:
        _, body = await gateway.chat("third", channel="slack", senderId="alice")
        assert "| turn 3 |" in body["reply"]
