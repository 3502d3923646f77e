"""The enterprise guide's configuration snippets, verbatim: each loads as it stands. Every block of it has its test."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenantry_config.load import Resolved, load_config
from tenantry_config.routing import Message, route, session_key
from tests.guide import BLOCKS, GUIDE

SINGLE_TENANT = BLOCKS["Single-Tenant (Recommended for Teams): yaml"]
MULTI_AGENT = BLOCKS["Multi-Agent Routing: yaml"]
PER_USER = BLOCKS["Per-User Agent Isolation: yaml"]
TRUSTED_PROXIES = BLOCKS["Reverse Proxy: yaml"]
PUBLISHED = "de9ae7765254c436f5d70f69a3311d8d1f650fc99a5e5897c32a8239a66b3594"
"""The guide's SHA-256."""
TESTS = Path(__file__).parents[2]


def claimed() -> Iterator[str]:
    """The blocks that tests say they run, by `@claims(NAME)`."""
    for path in sorted(TESTS.rglob("test_guide*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for call in node.decorator_list:
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "claims":
                        yield ast.literal_eval(call.args[0])


def test_the_guide_is_the_one_that_was_published() -> None:
    assert hashlib.sha256(GUIDE.read_bytes()).hexdigest() == PUBLISHED


def test_every_block_of_the_guide_is_run_by_one_test() -> None:
    assert len(BLOCKS) * 2 == GUIDE.read_text().count("```")
    assert Counter(claimed()) == Counter(BLOCKS.keys())


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
