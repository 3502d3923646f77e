"""What the operator renders is what the gateway loads: the two sides of `config.yaml` agree on every valid resource."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.document import Config
from tenantry_config.load import Resolved, load_config
from tenantry_config.routing import label
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.resources.config_document import render_config
from tests.unit.tenantry_operator.objects import binding, gateway
from tests.unit.tenantry_operator.specs import binding_bodies, gateway_specs


def no_variables(name: str) -> Resolved | None:
    raise AssertionError(f"a custom resource's ${{{name}}} was resolved")


def load(spec: dict[str, Any], bindings: list[AgentBinding]) -> Config:
    return load_config(render_config(gateway(spec), bindings), no_variables)


@given(gateway_specs(), st.data())
def test_every_valid_resource_renders_to_a_configuration_with_the_same_values(
    spec: dict[str, Any], data: st.DataObject
) -> None:
    bindings = [AgentBinding.parse(body) for body in data.draw(binding_bodies(sorted(spec["agents"])))]
    subject = gateway(spec)

    config = load(spec, bindings)

    assert {name: (one.model, one.system, one.max_tokens) for name, one in config.agents.items()} == {
        name: (one.model, one.system, one.max_tokens) for name, one in subject.spec.agents.items()
    }
    assert config.gateway.port == subject.spec.port
    assert config.gateway.trusted_proxies == subject.spec.trusted_proxies
    assert config.provider.base_url == subject.spec.provider.base_url
    assert config.rbac.assignments == subject.spec.rbac.assignments
    assert config.fallback_agent == subject.default_agent
    assert len(config.bindings) == len(subject.spec.bindings) + len(bindings)
    assert {one.name for one in config.bindings if one.name} == {one.meta.name for one in bindings}


@given(gateway_specs())
def test_every_inline_binding_matches_what_it_says(spec: dict[str, Any]) -> None:
    inline = gateway(spec).spec.bindings

    loaded = load(spec, []).bindings

    def fields(one: Any) -> tuple[Any, ...]:
        peers = (None if peer == "*" else peer for peer in (one.channel_id, one.sender_id))
        return (one.channel, *peers, one.agent_id, one.session_key, one.priority or 0)

    assert list(map(fields, loaded)) == list(map(fields, inline))


@pytest.mark.parametrize("text", ["${HOME}", "$${HOME}", "$$$${HOME}", "a${ANTHROPIC_API_KEY}b${X}", "${channel}"])
def test_no_variable_of_a_custom_resource_is_resolved(text: str) -> None:
    spec = {
        "agents": {"main": {"model": "m", "system": text}},
        "bindings": [{"channel": "*", "channelId": text, "senderId": text, "agentId": "main"}],
        "rbac": {"assignments": {text: "admin"}},
    }

    config = load(spec, [binding(match={"channel": "*", "senderId": text})])

    assert config.agents["main"].system == text
    assert [one.sender_id for one in config.bindings] == [text, text]
    assert config.bindings[0].channel_id == text
    assert config.rbac.assignments == {text: "admin"}


def test_an_answer_names_an_agent_binding_by_its_name() -> None:
    config = load({"bindings": [{"channel": "*", "agentId": "main"}]}, [binding("pager")])

    assert [label(one, index) for index, one in enumerate(config.bindings)] == ["bindings[0]", "pager"]


def test_what_the_api_server_fills_in_means_what_leaving_it_out_means_to_a_gateway_run_by_hand() -> None:
    rendered = load({"bindings": [{"channel": "*", "agentId": "main"}]}, [])
    by_hand = load_config(
        """
        agents: {main: {model: claude-sonnet-4-20250514, system: You help.}}
        defaultAgent: main
        bindings: [{channel: "*", agentId: main}]
        """,
        no_variables,
    )

    assert rendered == by_hand
