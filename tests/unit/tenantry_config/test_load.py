"""Loading: strictness, substitution, secrets and the hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.load import ConfigError, MissingVariable, Resolved, Resolver, config_hash, load_config

AGENT = "agents: {main: {model: claude-x}}\n"


def variables(plain: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None) -> Resolver:
    values = {name: Resolved(value) for name, value in (plain or {}).items()}
    values |= {name: Resolved(value, secret=True) for name, value in (secrets or {}).items()}
    return values.get


NOTHING = variables()


def refused(text: str, resolve: Resolver = NOTHING) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(text, resolve)
    return caught.value


def test_an_empty_document_has_the_defaults() -> None:
    config = load_config("", NOTHING)

    assert (config.gateway.port, config.gateway.bind, config.gateway.log_level) == (18789, None, "info")
    assert (config.gateway.auth.mode, config.gateway.auth.token) == ("token", None)
    assert (config.rbac.enabled, config.rbac.default_role) == (False, "user")
    assert not config.agents
    assert config.fallback_agent is None


def test_an_agent_has_defaults() -> None:
    agent = load_config(AGENT, NOTHING).agents["main"]

    assert (agent.system, agent.max_tokens, agent.tools.policy, agent.session.mode) == (
        None,
        4096,
        "none",
        "persistent",
    )


@pytest.mark.parametrize(
    ("text", "agent_id"),
    [
        ("agents: {main: {model: m}, other: {model: m}}", "main"),
        ("agents: {only: {model: m}}", "only"),
        ("agents: {a: {model: m}, b: {model: m}}", None),
        ("agents: {main: {model: m}, b: {model: m}}\ndefaultAgent: b", "b"),
    ],
)
def test_the_default_agent_is_the_named_one_else_main_else_the_only_one(text: str, agent_id: str | None) -> None:
    assert load_config(text, NOTHING).fallback_agent == agent_id


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        ("gateway: {prot: 1}", "gateway.prot", 'did you mean "port"?'),
        ("gatway: {}", "gatway", 'did you mean "gateway"?'),
        ("agents: {main: {model: m, tools: {polcy: none}}}", "agents.main.tools.polcy", 'did you mean "policy"?'),
        ("agents: {main: {model: m, max_tokens: 5}}", "agents.main.max_tokens", 'did you mean "maxTokens"?'),
        (AGENT + "bindings: [{channel: a, agentID: main}]", "bindings[0].agentID", 'did you mean "agentId"?'),
        ("provider: {zzz: 1}", "provider.zzz", "known here: apiKey, baseUrl"),
    ],
)
def test_an_unknown_key_is_refused_with_its_path_and_the_nearest_known_one(text: str, path: str, part: str) -> None:
    error = refused(text)

    assert error.path == path
    assert error.message.startswith("unknown key; ")
    assert part in error.message


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("gateway: {port: 0}", "gateway.port", "must be greater than or equal to 1"),
        ("gateway: {port: true}", "gateway.port", "must be a whole number"),
        ("gateway: {port: 1.5}", "gateway.port", "must be a valid integer, got a number with a fractional part"),
        ("gateway: {logLevel: warning}", "gateway.logLevel", "must be 'debug', 'info', 'warn' or 'error'"),
        ("gateway: {bind: example.com}", "gateway.bind", "must be an IP address or localhost"),
        ("gateway: {trustedProxies: [10.1.2.3/8]}", "gateway.trustedProxies[0]", "has host bits set: write 10.0.0.0/8"),
        ("gateway: {trustedProxies: [proxy]}", "gateway.trustedProxies[0]", "must be a network such as 10.0.0.0/8"),
        ("gateway: {trustedProxies: 10.0.0.0/8}", "gateway.trustedProxies", "must be a list"),
        ("gateway: []", "gateway", "must be a mapping"),
        ("provider: {baseUrl: 'ftp://x'}", "provider.baseUrl", "must be a URL such as https://api.anthropic.com"),
        ("provider: {baseUrl: 'http://u:p@x'}", "provider.baseUrl", "must have no credentials, query or fragment"),
        ("rbac: {defaultRole: root}", "rbac.defaultRole", "must be 'admin', 'operator', 'user' or 'viewer'"),
        ("rbac: {assignments: {bob: god}}", "rbac.assignments.bob", "must be 'admin', 'operator', 'user' or 'viewer'"),
        ("agents: {main: {}}", "agents.main.model", "is required"),
        ("agents: {main: {model: 4}}", "agents.main.model", "must be a string: quote it"),
        ("agents: {main: {model: 2024-01-01}}", "agents.main.model", "must be a string: quote it"),
        ("agents: {Main: {model: m}}", "agents.Main", "is no valid name: use lower-case letters, digits, - and _"),
        ("agents: {../x: {model: m}}", "agents.../x", "is no valid name: use lower-case letters, digits, - and _"),
        ("defaultAgent: ghost", "defaultAgent", 'no agent "ghost"; known agents: none'),
        (AGENT + "bindings: [{channel: a, agentId: x}]", "bindings[0].agentId", 'no agent "x"; known agents: main'),
        (AGENT + "bindings: [{agentId: main}]", "bindings[0].channel", "is required"),
        (
            AGENT + "bindings: [{channel: a, agentId: main, senderId: 12}]",
            "bindings[0].senderId",
            "must be a string: quote it",
        ),
        (
            AGENT + "bindings: [{channel: a, agentId: main, namespace: n}]",
            "bindings[0]",
            "namespace needs name: both identify an AgentBinding",
        ),
        (
            AGENT + "bindings: [{channel: a, agentId: main, sessionKey: '${who}'}]",
            "bindings[0].sessionKey",
            "unknown ${who}; known: channel, channelId, senderId, agentId",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_path_and_what_to_do(text: str, path: str, message: str) -> None:
    error = refused(text)

    assert (error.path, error.message) == (path, message)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "- a list",
        "just text",
        "a: 1\na: 2",
        "1: 2",
        "null: 2",
        "x: !!python/object/apply:os.system [id]",
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "&a [*a]",
        "gateway: &a {auth: *a}",
        "a: \x00",
        "a: \ud800",
        "x" * (4 * 1024 * 1024 + 1),
        "".join(
            f"k{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9) if level else '1'}]\n" for level in range(12)
        ),
    ],
    ids=range(16),
)
def test_what_is_no_plain_mapping_is_refused_without_harm(text: str) -> None:
    assert refused(text).path == ""


def test_yaml_errors_name_line_and_column_but_quote_nothing() -> None:
    error = refused("gateway:\n  auth:\n    token: 'hunter2hunter2")

    assert "line" in error.message
    assert "hunter2" not in str(error)


def test_merge_keys_and_anchors_work() -> None:
    text = "agents:\n  a: &base {model: m, system: s}\n  b:\n    <<: *base\n    system: t\n"
    agents = load_config(text, NOTHING).agents

    assert (agents["b"].model, agents["b"].system) == ("m", "t")


def test_variables_are_replaced_in_strings_before_validation() -> None:
    text = "gateway: {port: '${PORT}'}\nagents: {main: {model: 'claude-${SIZE}-4', system: 'in ${CITY}, ${CITY}'}}"
    config = load_config(text, variables({"PORT": "8080", "SIZE": "opus", "CITY": "Graz"}))

    assert config.gateway.port == 8080
    assert (config.agents["main"].model, config.agents["main"].system) == ("claude-opus-4", "in Graz, Graz")


@pytest.mark.parametrize("values", [{}, {"CITY": ""}])
def test_a_variable_that_is_missing_or_empty_is_named_with_its_path(values: dict[str, str]) -> None:
    with pytest.raises(MissingVariable) as caught:
        load_config("agents: {main: {model: '${CITY}'}}", variables(values))

    assert (caught.value.name, caught.value.path) == ("CITY", "agents.main.model")
    assert str(caught.value) == "agents.main.model: variable CITY is missing or empty"


def test_values_of_variables_are_not_substituted_again() -> None:
    config = load_config("agents: {main: {model: '${A}'}}", variables({"A": "${B}", "B": "b"}))

    assert config.agents["main"].model == "${B}"


def test_a_double_dollar_makes_a_literal() -> None:
    config = load_config("agents: {main: {model: m, system: 'costs $${PRICE} or $5'}}", NOTHING)

    assert config.agents["main"].system == "costs ${PRICE} or $5"


def test_lower_case_templates_stay_as_they_are() -> None:
    text = AGENT + "bindings: [{channel: '*', agentId: main, sessionKey: '${channel}:${senderId}'}]"

    assert load_config(text, NOTHING).bindings[0].session_key == "${channel}:${senderId}"


def test_keys_are_never_substituted() -> None:
    error = refused("agents: {'${NAME}': {model: m}}", variables({"NAME": "main"}))

    assert error.path == "agents.${NAME}"


@pytest.mark.parametrize(
    ("text", "resolve"),
    [
        ("agents: {main: {model: m, system: '${GATEWAY_TOKEN}'}}", variables({"GATEWAY_TOKEN": "s3cr3t-value"})),
        (
            "agents: {main: {model: m, system: 'x${ANTHROPIC_API_KEY}'}}",
            variables({"ANTHROPIC_API_KEY": "s3cr3t-value"}),
        ),
        ("agents: {main: {model: '${FILE}'}}", variables(secrets={"FILE": "s3cr3t-value"})),
        ("provider: {baseUrl: 'https://${FILE}/'}", variables(secrets={"FILE": "s3cr3t-value"})),
        ("gateway: {port: '${FILE}'}", variables(secrets={"FILE": "s3cr3t-value"})),
        ("gateway: {logLevel: '${FILE}'}", variables(secrets={"FILE": "s3cr3t-value"})),
        (AGENT + "bindings: [{channel: '${FILE}', agentId: main}]", variables(secrets={"FILE": "s3cr3t-value"})),
        ("gateway: '${FILE}'", variables(secrets={"FILE": "s3cr3t-value"})),
    ],
)
def test_a_secret_outside_a_secret_field_is_an_error_that_does_not_show_it(text: str, resolve: Resolver) -> None:
    error = refused(text, resolve)

    assert "is a secret" in error.message
    assert "s3cr3t-value" not in str(error)
    assert "s3cr3t-value" not in repr(error)


def test_secret_fields_take_secrets_and_never_show_them() -> None:
    text = "gateway: {auth: {token: '${GATEWAY_TOKEN}'}}\nprovider: {apiKey: '${KEY}'}"
    config = load_config(text, variables({"GATEWAY_TOKEN": "tok-123"}, {"KEY": "sk-ant-1"}))

    assert config.gateway.auth.token is not None
    assert config.provider.api_key is not None
    assert config.gateway.auth.token.get_secret_value() == "tok-123"
    assert config.provider.api_key.get_secret_value() == "sk-ant-1"
    assert "tok-123" not in repr(config)
    assert "sk-ant-1" not in config.model_dump_json()


@pytest.mark.parametrize("token", ["", "two words", "tab\\tbed", "new\\nline", "umläut"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(token: str) -> None:
    error = refused(f'gateway: {{auth: {{token: "{token}"}}}}')

    assert error.path == "gateway.auth.token"
    assert not token or token not in str(error)


@pytest.mark.parametrize("value", ['"*"', "null"])
def test_a_star_for_channel_id_or_sender_id_matches_all_like_leaving_it_out(value: str) -> None:
    text = AGENT + f"bindings: [{{channel: a, channelId: {value}, senderId: {value}, agentId: main}}]"
    binding = load_config(text, NOTHING).bindings[0]

    assert (binding.channel_id, binding.sender_id) == (None, None)


def test_the_hash_is_sha_256_of_the_bytes() -> None:
    assert config_hash(b"agents: {}\n") == hashlib.sha256(b"agents: {}\n").hexdigest()


@given(st.text())
def test_any_text_loads_or_is_refused_with_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        load_config(text, NOTHING)
