"""What the operator renders is what the gateway loads: the two sides of `config.yaml` agree on every valid resource."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.document import Config
from tenantry_config.load import Resolved, load_config
from tenantry_config.routing import label
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.errors import InvalidObject
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


HOSTILE = (
    "x\nbindings:\n- {channel: '*', agentId: evil}",
    "x\n---\nagents: {}",
    "\n\n  - evil",
    "{a: b}",
    "[a, b]",
    "!!python/object/apply:os.system [id]",
    "&a *a",
    "<<: *a",
    "? a",
    "# comment",
    "'",
    '"',
    "'\\n\"",
    "\\",
    "a: b",
    "null",
    "~",
    "true",
    "0x1f",
    "1e3",
    "2026-01-01",
    "=",
    "%YAML 1.1",
    "@a",
    "`a`",
    "\x00",
    "\x1b[2J",
    "\x85",
    "\u2028\u2029",
    "\ufeff",
    "\u202eevil",
    "\u200b",
    "\U0001f600",
    " leading and trailing ",
    "\ttab",
    "${{A}}",
    "$${${A}}",
    "{{ .Values.x }}",
    "${channel}/../${senderId}",
    "../../etc/passwd",
    "e\u0301 é",
    "x" * 256,
    "' \n" * 64,
)
"""What has broken other people's YAML, templates, terminals and paths."""


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_text_breaks_out_of_its_place(text: str) -> None:
    """Whatever stands in a prompt, and in ids as far as the API lets it in."""
    shown = re.search(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\ufeff]", text) is None
    peer = text if shown else "x"
    spec = {
        "agents": {"main": {"model": "m", "system": text}},
        "rbac": {"assignments": {peer: "viewer"}},
        "bindings": [{"channel": "slack", "channelId": peer, "senderId": peer, "agentId": "main"}],
        "allowedBindings": [{"namespaces": {"from": "All"}}],
    }
    guest = binding(match={"channel": "slack", "channelId": peer, "senderId": peer}, namespace="team-b")

    config = load(spec, [guest])

    assert list(config.agents) == ["main"]
    assert config.agents["main"].system == text
    assert config.rbac.assignments == {peer: "viewer"}
    assert [(one.channel_id, one.sender_id) for one in config.bindings] == [(peer, peer)] * 2
    assert [one.namespace for one in config.bindings] == [None, "team-b"]


@pytest.mark.parametrize("text", [text for text in HOSTILE if not text.isprintable()], ids=ascii)
def test_ids_hold_no_characters_that_nobody_sees(text: str) -> None:
    with pytest.raises(InvalidObject, match=r"spec\.match\.senderId"):
        binding(match={"channel": "slack", "senderId": text})
    with pytest.raises(InvalidObject, match=r"spec\.bindings\[0\]\.channelId"):
        gateway({"bindings": [{"channel": "slack", "channelId": text, "agentId": "main"}]})
    with pytest.raises(InvalidObject, match=r"spec\.rbac\.assignments"):
        gateway({"rbac": {"assignments": {text: "admin"}}})


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
