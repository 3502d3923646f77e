"""Consent, references across namespaces and hostile text on a real API server."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from dev.kubectl import Kubectl, KubectlError
from tenantry_config.load import Resolved, load_config
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.allowed_bindings import AllowedBindings
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources.config_document import render_config
from tests.integration.crd_harness import crds
from tests.integration.operator_harness import Manifest, binding, gateway

__all__ = ["crds"]

NAMESPACE = "test-crd-trust"
RULES = "spec.allowedBindings"
BAD_ID = "should match"


def dry_run(kubectl: Kubectl, manifest: Manifest) -> Manifest:
    found: Manifest = json.loads(
        kubectl.run("create", "--dry-run=server", "-f", "-", "-o", "json", stdin=json.dumps(manifest))
    )
    return found


def allowing(*rules: dict[str, Any]) -> Manifest:
    return gateway("a", NAMESPACE, allowedBindings=list(rules))


def selecting(**selector: Any) -> dict[str, Any]:
    return {"namespaces": {"from": "Selector", "selector": selector}}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


@pytest.mark.parametrize(
    "rule",
    [
        {"namespaces": {"from": "All"}},
        {"namespaces": {"from": "Names", "names": ["team-b", "0"]}, "agents": ["main"], "channels": ["slack", "a_b"]},
        selecting(matchLabels={"example.com/team": "b", "empty": ""}),
        selecting(matchExpressions=[expression("a", "In", "b", ""), expression("c", "DoesNotExist")]),
        selecting(matchLabels={"a": "b"}, matchExpressions=[expression("x.y/z", "Exists")]),
        selecting(matchLabels={"kubernetes.io/metadata.name": "team-b"}),
    ],
)
def test_consent_is_taken_as_it_is_written(crds: Kubectl, rule: dict[str, Any]) -> None:
    live = dry_run(crds, allowing(rule))

    assert live["spec"]["allowedBindings"] == [rule], "no default is written into the list: GitOps would see a drift"
    assert Gateway.parse({**live, "metadata": {**live["metadata"], "uid": "u"}}).spec.allowed_bindings


@pytest.mark.parametrize(
    ("rule", "field", "message"),
    [
        ({}, f"{RULES}[0].namespaces: ", "Required value"),
        ({"namespaces": {}}, f"{RULES}[0].namespaces.from: ", "Required value"),
        ({"namespaces": {"from": "Same"}}, f"{RULES}[0].namespaces.from: ", "Unsupported value"),
        ({"namespaces": {"from": "Names"}}, f"{RULES}[0].namespaces.names: ", "names must be given where from is"),
        ({"namespaces": {"from": "All", "names": ["a"]}}, f"{RULES}[0].namespaces.names: ", "and only there"),
        ({"namespaces": {"from": "Names", "names": []}}, f"{RULES}[0].namespaces.names: ", "at least 1 items"),
        ({"namespaces": {"from": "Names", "names": ["A"]}}, f"{RULES}[0].namespaces.names[0]: ", BAD_ID),
        ({"namespaces": {"from": "Names", "names": ["*"]}}, f"{RULES}[0].namespaces.names[0]: ", BAD_ID),
        ({"namespaces": {"from": "Names", "names": ["a", "a"]}}, f"{RULES}[0].namespaces.names[1]: ", "Duplicate"),
        ({"namespaces": {"from": "Selector"}}, f"{RULES}[0].namespaces.selector: ", "selector must be given where"),
        (selecting(), f"{RULES}[0].namespaces.selector: ", "an empty selector selects every namespace"),
        (selecting(matchLabels={}), f"{RULES}[0].namespaces.selector: ", "an empty selector selects every namespace"),
        (
            {"namespaces": {"from": "All", "selector": {"matchLabels": {"a": "b"}}}},
            f"{RULES}[0].namespaces.selector: ",
            "and only there",
        ),
        (selecting(matchLabels={"-a": "b"}), "selector.matchLabels: ", "a label's key must have"),
        (selecting(matchLabels={"a": "b c"}), "selector.matchLabels.a: ", BAD_ID),
        (selecting(matchExpressions=[expression("a", "In")]), "matchExpressions[0]: ", "In and NotIn need values"),
        (
            selecting(matchExpressions=[expression("a", "Exists", "b")]),
            "matchExpressions[0]: ",
            "Exists and DoesNotExist take none",
        ),
        (selecting(matchExpressions=[expression("a", "Gt", "b")]), "matchExpressions[0].operator: ", "Unsupported"),
        ({"namespaces": {"from": "All"}, "agents": []}, f"{RULES}[0].agents: ", "at least 1 items"),
        ({"namespaces": {"from": "All"}, "channels": ["*"]}, f"{RULES}[0].channels[0]: ", BAD_ID),
        ({"namespaces": {"from": "All"}, "priority": 1}, f'"{RULES}[0].priority"', "unknown field"),
    ],
)
def test_consent_that_could_be_misread_is_refused_with_path_and_remedy(
    crds: Kubectl, rule: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(KubectlError) as refused:
        dry_run(crds, allowing(rule))
    with pytest.raises(ValidationError):
        AllowedBindings.model_validate(rule)

    assert field in str(refused.value)
    assert message in str(refused.value)


def test_an_agent_that_does_not_exist_cannot_be_allowed(crds: Kubectl) -> None:
    with pytest.raises(KubectlError, match=r"spec\.allowedBindings: .*must be one of the keys of spec\.agents"):
        dry_run(crds, allowing({"namespaces": {"from": "All"}, "agents": ["x"]}))


def test_consent_at_every_limit_is_within_the_api_servers_cost_limits(crds: Kubectl) -> None:
    agents = {f"{'a' * 55}-{index}": {"model": "m"} for index in range(64)}
    rule = {
        "namespaces": {
            "from": "Selector",
            "selector": {
                "matchLabels": {f"example.com/{index:0>60}": "v" * 63 for index in range(16)},
                "matchExpressions": [
                    expression(f"example.com/{index:0>60}", "In", *(f"{value:0>63}" for value in range(32)))
                    for index in range(8)
                ],
            },
        },
        "agents": sorted(agents),
        "channels": [f"{index:0>63}" for index in range(64)],
    }
    named = {"namespaces": {"from": "Names", "names": [f"{index:0>63}" for index in range(64)]}}

    dry_run(crds, gateway("a", NAMESPACE, agents=agents, allowedBindings=[rule, named] * 16))
    with pytest.raises(KubectlError, match="must have at most 32 items"):
        dry_run(crds, allowing(*[named] * 33))


def test_a_binding_may_name_a_gateway_of_another_namespace(crds: Kubectl) -> None:
    manifest = binding("b", NAMESPACE, "a", "slack")
    manifest["spec"]["gatewayRef"]["namespace"] = "team-b"

    assert dry_run(crds, manifest)["spec"]["gatewayRef"] == {"name": "a", "namespace": "team-b"}

    for wrong in ("Team B", "../team-b", "", "*", "a" * 64):
        manifest["spec"]["gatewayRef"]["namespace"] = wrong
        with pytest.raises(KubectlError, match=r"spec\.gatewayRef\.namespace"):
            dry_run(crds, manifest)


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x1b[2J", "a\nb", "a\tb", "\x85", "a\u2028b", "\u202eevil", "a\u200bb", "\ufeffa", "\x7f", "a\u2066b"],
    ids=ascii,
)
def test_ids_hold_no_characters_that_nobody_sees(crds: Kubectl, text: str) -> None:
    manifest = binding("b", NAMESPACE, "a", "slack")
    manifest["spec"]["match"]["senderId"] = text
    with pytest.raises(KubectlError, match=r"spec\.match\.senderId"):
        dry_run(crds, manifest)

    inline = [{"channel": "slack", "agentId": "main", "channelId": text}]
    with pytest.raises(KubectlError, match=r"spec\.bindings\[0\]\.channelId"):
        dry_run(crds, gateway("a", NAMESPACE, bindings=inline))

    with pytest.raises(KubectlError, match=r"spec\.rbac\.assignments: .*a principal's name must have"):
        dry_run(crds, gateway("a", NAMESPACE, rbac={"assignments": {text: "admin"}}))


def no_variables(name: str) -> Resolved | None:
    raise AssertionError(f"${{{name}}} was resolved")


@pytest.mark.parametrize(
    "text",
    [
        "${GATEWAY_TOKEN} $${HOME} ${channel} {{ .Values.x }}",
        "x\n---\nbindings:\n- {channel: '*', agentId: evil}",
        "\x00\x01\x1b[2J\x7f\x85\u2028\u202e\u200b\ufeff\U0001f600",
        "é e\u0301 ' \" \\ # & * ! | > % @ ` : - ? [] {}",
        "line\r\nline\rline\n\n\n",
        "x" * 65536,
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_what_the_api_server_stores_reaches_the_gateway_unchanged(crds: Kubectl, text: str) -> None:
    """Through JSON, etcd, the operator's model and YAML, to the gateway's own model."""
    name = text[:256] if text.isprintable() else "x"
    made = gateway(
        "a",
        NAMESPACE,
        agents={"main": {"model": "m", "system": text}},
        bindings=[{"channel": "slack", "agentId": "main", "senderId": name}],
        allowedBindings=[{"namespaces": {"from": "All"}}],
    )
    live = dry_run(crds, made)
    guest = binding("b", "default", "a", "slack")
    guest["spec"]["gatewayRef"]["namespace"] = NAMESPACE
    guest["spec"]["match"]["senderId"] = name

    subject = Gateway.parse({**live, "metadata": {**live["metadata"], "uid": "u"}})
    route = AgentBinding.parse(dry_run(crds, guest))
    rendered = render_config(subject, [route])
    config = load_config(rendered, no_variables)

    assert config.agents["main"].system == text
    assert [(one.sender_id, one.namespace) for one in config.bindings] == [(name, None), (name, "default")]
    holder = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": NAMESPACE},
        "data": {"config.yaml": rendered},
    }
    assert dry_run(crds, holder)["data"]["config.yaml"] == rendered
