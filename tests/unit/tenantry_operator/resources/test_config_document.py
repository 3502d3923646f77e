import pytest
import yaml

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.errors import ConfigTooLarge, InvalidObject
from tenantry_operator.resources.config_document import MAX_BYTES, fitting, render_config
from tests.unit.tenantry_operator.objects import binding, gateway

INLINE = [{"channel": "slack", "channelId": "devops-channel", "agentId": "main"}]


def test_the_document_has_the_guides_sections() -> None:
    document = yaml.safe_load(
        render_config(
            gateway(
                {
                    "bindings": INLINE,
                    "trustedProxies": ["10.0.0.0/8"],
                    "rbac": {"enabled": True, "assignments": {"admin@company.com": "admin"}},
                    "provider": {"apiKeySecretRef": {"name": "anthropic"}, "baseURL": "http://stand-in:8080"},
                }
            ),
            [binding()],
        )
    )

    assert document == {
        "gateway": {
            "port": 18789,
            "logLevel": "info",
            "auth": {"mode": "token"},
            "trustedProxies": ["10.0.0.0/8"],
        },
        "provider": {"baseUrl": "http://stand-in:8080"},
        "rbac": {"enabled": True, "defaultRole": "user", "assignments": {"admin@company.com": "admin"}},
        "agents": {"main": {"model": "claude-sonnet-4-20250514", "system": "You help.", "maxTokens": 4096}},
        "defaultAgent": "main",
        "bindings": [
            {"channel": "slack", "channelId": "devops-channel", "agentId": "main"},
            {"channel": "webhook", "channelId": "pager", "agentId": "main", "priority": 0, "name": "pager"},
        ],
    }


def test_inline_bindings_come_first_and_the_others_by_age_and_name() -> None:
    young, b, a = binding("young", created="2026-04-01T00:00:00Z"), binding("b"), binding("a")

    document = yaml.safe_load(render_config(gateway({"bindings": INLINE}), [young, b, a]))

    assert [entry.get("name") for entry in document["bindings"]] == [None, "a", "b", "young"]


def test_a_variable_in_a_custom_resource_is_escaped_and_a_template_is_not() -> None:
    spec = {
        "agents": {"main": {"model": "m", "system": "key ${ANTHROPIC_API_KEY} and $${HOME}"}},
        "bindings": [{"channel": "*", "senderId": "${HOME}", "agentId": "main", "sessionKey": "${channel}:x"}],
    }

    document = yaml.safe_load(render_config(gateway(spec), []))

    assert document["agents"]["main"]["system"] == "key $${ANTHROPIC_API_KEY} and $$${HOME}"
    assert document["bindings"][0]["senderId"] == "$${HOME}"
    assert document["bindings"][0]["sessionKey"] == "${channel}:x"


def test_no_secret_is_in_the_document() -> None:
    text = render_config(gateway({"auth": {"tokenSecretRef": {"name": "own"}}}), [])

    assert "own" not in text
    assert "anthropic" not in text


def test_an_agent_that_does_not_exist_is_refused_with_the_ones_that_do() -> None:
    with pytest.raises(InvalidObject, match=r'spec\.defaultAgent: no agent "x"; known agents: main'):
        render_config(gateway({"defaultAgent": "x"}), [])
    with pytest.raises(InvalidObject, match=r"spec\.bindings\[0\]\.agentId"):
        render_config(gateway({"bindings": [{"channel": "*", "agentId": "x"}]}), [])


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        (
            {"provider": {"apiKeySecretRef": {"name": "x"}, "baseURL": "http://host:99999999"}},
            "spec.provider.baseURL",
        ),
        ({"trustedProxies": ["10.0.0.1/8"]}, "spec.trustedProxies[0]"),
    ],
)
def test_what_the_gateway_would_refuse_is_refused_with_the_path_in_the_resource(
    spec: dict[str, object], path: str
) -> None:
    with pytest.raises(InvalidObject) as refused:
        render_config(gateway(spec), [])

    assert refused.value.path == path


def test_a_configuration_that_no_configmap_holds_is_refused_with_its_size() -> None:
    agents = {f"agent-{index}": {"model": "m", "system": "x" * 65536} for index in range(17)}

    with pytest.raises(ConfigTooLarge, match=r"1\d{6} bytes and a ConfigMap holds 1048576: shorten"):
        render_config(gateway({"agents": agents}), [])


def guests(count: int, text: str) -> list[AgentBinding]:
    match = {"channel": "slack", "channelId": text * 256, "senderId": text * 256}
    return [
        binding(f"g{index:03}", namespace="team-b", match=match, created=f"2026-01-01T00:00:00.{index:03}Z")
        for index in range(count)
    ]


@pytest.mark.parametrize("text", ["x", "'", "$", "\\", "\U0001f600", "\u00e9"])
def test_as_many_bindings_as_fit_are_taken_the_senior_first(text: str) -> None:
    """Whatever quotes and escapes their ids need in YAML."""
    agents = {f"agent-{index}": {"model": "m", "system": "x" * 65536} for index in range(15)}
    subject = gateway({"agents": {**agents, "main": {"model": "m", "system": "y" * 50_000}}})
    crowd = [*guests(100, text), binding("own")]
    with pytest.raises(ConfigTooLarge):
        render_config(subject, crowd)

    keys = fitting(subject, crowd)

    assert ("team-a", "own") in keys
    assert 0 < len(keys) < len(crowd)
    taken = [each for each in crowd if each.key in keys]
    assert [each.meta.name for each in taken] == [f"g{index:03}" for index in range(len(taken) - 1)] + ["own"]
    assert len(render_config(subject, taken).encode()) <= MAX_BYTES


def test_a_gateway_that_is_too_large_by_itself_is_not_helped_by_turning_bindings_away() -> None:
    agents = {f"agent-{index}": {"model": "m", "system": "x" * 65536} for index in range(17)}

    with pytest.raises(ConfigTooLarge):
        fitting(gateway({"agents": agents}), [])
