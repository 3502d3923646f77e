"""spec.networkPolicy on a real API server: what a NetworkPolicy takes is taken, what it refuses is refused."""

import re
from collections.abc import Mapping

import pytest
import yaml
from pydantic import ValidationError

from dev.kubectl import Kubectl, KubectlError
from tenantry_operator.api.v1alpha1.network import NetworkPolicySpec
from tests.integration.operator_harness import Manifest, gateway

NAMESPACE = "default"
EGRESS = "spec.networkPolicy.egress[0]"
PEER = "spec.networkPolicy.ingressFrom[0]"
BAD_KEY = "a label's key must have 1 to 63 letters"
BAD_EXCEPT = "each network in except must lie within cidr and be smaller than it"
BAD_PEER = "set ipBlock alone, or podSelector, namespaceSelector or both"
BAD_PORT = "must be a number from 1 to 65535, without quotes, or the name of a container's port"
BAD_RANGE = "endPort needs port, as a number that is not greater"
BAD_VALUES = "In and NotIn need values; Exists and DoesNotExist take none"
BAD_NETWORK = "must be a network in CIDR form without host bits"
NO_DESTINATION = "name at least one destination in to"


def block(cidr: str, *left_out: str) -> Manifest:
    return {"ipBlock": {"cidr": cidr, **({"except": list(left_out)} if left_out else {})}}


def pods(**labels: str) -> Manifest:
    return {"podSelector": {"matchLabels": labels}}


def expression(operator: str, *values: str, key: str = "app") -> Manifest:
    found = {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
    return {"namespaceSelector": {"matchExpressions": [found]}}


def key(text: str) -> Manifest:
    return {"podSelector": {"matchLabels": {text: "x"}}}


LONG_PREFIX = ".".join(["a" * 63] * 2 + ["a" * 61])
PEERS_TAKEN: list[Manifest] = [
    {"podSelector": {}},
    {"namespaceSelector": {}},
    pods(app="web", tier=""),
    {**pods(app="web"), **expression("In", "a", "b")},
    expression("NotIn", "a"),
    expression("Exists", key="team.example.com/name"),
    expression("DoesNotExist", key="Some_Label.x"),
    key("a" * 63),
    key(f"{LONG_PREFIX}/{'a' * 63}"),
    pods(app="v" * 63),
    block("10.0.0.0/8"),
    block("10.0.0.0/8", "10.1.0.0/16", "10.2.3.4/32"),
    block("0.0.0.0/0", "10.0.0.0/8"),
    block("::/0", "fc00::/7"),
    block("fd00::/8"),
    block("192.0.2.1/32"),
]
PEERS_REFUSED: list[tuple[Manifest, str, str]] = [
    ({}, "", BAD_PEER),
    ({**block("10.0.0.0/8"), **pods(app="web")}, "", BAD_PEER),
    ({**block("10.0.0.0/8"), "namespaceSelector": {}}, "", BAD_PEER),
    (block("10.0.0.1/8"), ".ipBlock.cidr", BAD_NETWORK),
    (block("10.0.0.0"), ".ipBlock.cidr", BAD_NETWORK),
    (block("010.0.0.0/8"), ".ipBlock.cidr", BAD_NETWORK),
    (block("10.0.0.0/08"), ".ipBlock.cidr", BAD_NETWORK),
    (block("::ffff:10.0.0.0/104"), ".ipBlock.cidr", BAD_NETWORK),
    (block("api.example.com"), ".ipBlock.cidr", BAD_NETWORK),
    (block("10.0.0.0/8", "10.0.0.1/16"), ".ipBlock.except[0]", BAD_NETWORK),
    (block("10.0.0.0/8", "192.168.0.0/16"), ".ipBlock", BAD_EXCEPT),
    (block("10.0.0.0/8", "10.0.0.0/8"), ".ipBlock", BAD_EXCEPT),
    (block("10.0.0.0/8", "0.0.0.0/0"), ".ipBlock", BAD_EXCEPT),
    (block("10.0.0.0/8", "fd00::/8"), ".ipBlock", BAD_EXCEPT),
    ({"ipBlock": {}}, ".ipBlock.cidr", "Required value"),
    (key("-app"), ".podSelector.matchLabels", BAD_KEY),
    (key("a" * 64), ".podSelector.matchLabels", BAD_KEY),
    (key("Example.com/app"), ".podSelector.matchLabels", BAD_KEY),
    (key(f"{LONG_PREFIX}a/{'a' * 63}"), ".podSelector.matchLabels", BAD_KEY),
    (key("a..b/c"), ".podSelector.matchLabels", BAD_KEY),
    (key("a/b/c"), ".podSelector.matchLabels", BAD_KEY),
    (pods(app="no spaces"), ".podSelector.matchLabels.app", "should match"),
    (pods(app="v" * 64), ".podSelector.matchLabels.app", "Too long"),
    (expression("In"), ".namespaceSelector.matchExpressions[0]", BAD_VALUES),
    (expression("NotIn"), ".namespaceSelector.matchExpressions[0]", BAD_VALUES),
    (expression("Exists", "x"), ".namespaceSelector.matchExpressions[0]", BAD_VALUES),
    (expression("Gt", "1"), ".namespaceSelector.matchExpressions[0].operator", "Unsupported value"),
    (expression("In", "a", key="a b"), ".namespaceSelector.matchExpressions[0].key", "should match"),
    (expression("In", "-"), ".namespaceSelector.matchExpressions[0].values[0]", "should match"),
]
PORTS_TAKEN: list[Manifest] = [
    {"port": 5432},
    {"port": 53, "protocol": "UDP"},
    {"port": 5432, "endPort": 5440, "protocol": "TCP"},
    {"port": 1, "endPort": 1},
    {"port": "postgres"},
    {"port": "0-a-1", "protocol": "SCTP"},
    {"protocol": "UDP"},
    {},
]
PORTS_REFUSED: list[tuple[Manifest, str, str]] = [
    ({"port": 0}, ".port", BAD_PORT),
    ({"port": 65536}, ".port", BAD_PORT),
    ({"port": "5432"}, ".port", BAD_PORT),
    ({"port": "-a"}, ".port", BAD_PORT),
    ({"port": "a--b"}, ".port", BAD_PORT),
    ({"port": "Postgres"}, ".port", BAD_PORT),
    ({"port": "a" * 16}, ".port", "Too long"),
    ({"port": True}, ".port", "must be of type"),
    ({"port": 5432, "endPort": 5431}, "", BAD_RANGE),
    ({"endPort": 5431}, "", BAD_RANGE),
    ({"port": "postgres", "endPort": 5431}, "", BAD_RANGE),
    ({"port": 1, "endPort": 65536}, ".endPort", "less than or equal to 65535"),
    ({"port": 1, "protocol": "ICMP"}, ".protocol", "Unsupported value"),
]
RULES_REFUSED: list[tuple[Manifest, str, str]] = [
    ({}, "", NO_DESTINATION),
    ({"to": []}, "", NO_DESTINATION),
    ({"ports": [{"port": 443}]}, "", NO_DESTINATION),
]


def ingress(peer: Manifest) -> Manifest:
    return {"ingressFrom": [peer]}


def egress(rule: Manifest) -> Manifest:
    return {"egress": [rule]}


def to_port(port: Manifest) -> Manifest:
    return egress({"to": [block("10.0.0.0/8")], "ports": [port]})


TAKEN = [
    *map(ingress, PEERS_TAKEN),
    *(egress({"to": [peer]}) for peer in PEERS_TAKEN),
    *map(to_port, PORTS_TAKEN),
    {"enabled": False},
]
REFUSED = [
    *((ingress(peer), PEER + path, message) for peer, path, message in PEERS_REFUSED),
    *((to_port(port), f"{EGRESS}.ports[0]{path}", message) for port, path, message in PORTS_REFUSED),
    *((egress(rule), EGRESS + path, message) for rule, path, message in RULES_REFUSED),
]


def kubernetes_policy(name: str, spec: Manifest) -> Manifest:
    """The same peers and rules in a NetworkPolicy, which the API server validates by itself."""
    rules = {
        "ingress": [{"from": spec.get("ingressFrom", [])}],
        "egress": spec.get("egress", []),
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    policy_types = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {**policy_types, **rules},
    }


@pytest.fixture(scope="module")
def refusals(installed: Kubectl) -> Mapping[str, str]:
    """What the API server says to each Gateway, by name; they are sent in one go, since kubectl is slow to start."""
    named = {f"refused-{number}": spec for number, (spec, _, _) in enumerate(REFUSED)}
    manifests = [gateway(name, NAMESPACE, networkPolicy=spec) for name, spec in named.items()]
    with pytest.raises(KubectlError) as said:
        installed.run("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump_all(manifests))
    parts = re.split(r'(?m)^.*?"(refused-\d+)" is invalid: ', str(said.value))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_what_a_network_policy_takes_is_taken_without_a_warning(installed: Kubectl) -> None:
    manifests = [
        manifest
        for number, spec in enumerate(TAKEN)
        for manifest in (
            kubernetes_policy(f"taken-{number}", spec),
            gateway(f"taken-{number}", NAMESPACE, networkPolicy=spec),
        )
    ]

    said = installed.run(
        "create", "--dry-run=server", "--warnings-as-errors", "-f", "-", stdin=yaml.safe_dump_all(manifests)
    )

    assert said.count("created (server dry run)") == len(manifests)


@pytest.mark.parametrize("spec", TAKEN, ids=str)
def test_what_the_api_server_takes_the_model_takes(spec: Manifest) -> None:
    NetworkPolicySpec.model_validate(spec)


@pytest.mark.parametrize(("number", "path", "message"), [(n, *row[1:]) for n, row in enumerate(REFUSED)])
def test_what_cannot_be_is_refused_with_the_fields_path_and_what_to_do(
    refusals: Mapping[str, str], number: int, path: str, message: str
) -> None:
    refusal = refusals[f"refused-{number}"]

    assert f"{path}: " in refusal
    assert message in refusal


@pytest.mark.parametrize("spec", [row[0] for row in REFUSED], ids=str)
def test_what_the_api_server_refuses_the_model_refuses(spec: Manifest) -> None:
    with pytest.raises(ValidationError):
        NetworkPolicySpec.model_validate(spec)


def test_a_policy_at_every_limit_is_within_the_api_servers_cost_limits(installed: Kubectl) -> None:
    labels = {f"example.com/{number:0>63}": "v" * 63 for number in range(16)}
    found = [{"key": f"example.com/{n:0>63}", "operator": "In", "values": ["v" * 63] * 32} for n in range(8)]
    selector = {"matchLabels": labels, "matchExpressions": found}
    peers = [
        *({"podSelector": selector, "namespaceSelector": selector} for _ in range(2)),
        *(block("10.0.0.0/8", *(f"10.{number}.0.0/16" for number in range(32))) for _ in range(14)),
    ]
    rule = {"to": peers, "ports": [{"port": number + 1, "endPort": 65535} for number in range(16)]}

    spec = {"ingressFrom": peers, "egress": [rule] * 16}
    manifest = gateway("limits", NAMESPACE, networkPolicy=spec)

    assert "created" in installed.run("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(manifest))
