from typing import Any

from hypothesis import given

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.upstream import Internet, Pods, ServiceName
from tenantry_operator.cluster_network import ClusterNetwork
from tenantry_operator.resources.network_policy import Surroundings, build_network_policy
from tests.unit.tenantry_operator.objects import gateway, gateway_body
from tests.unit.tenantry_operator.specs import gateway_specs

USUAL = Surroundings()


def spec(subject: Gateway | None = None, surroundings: Surroundings = USUAL) -> dict[str, Any]:
    manifest = build_network_policy(subject or gateway(), surroundings)
    assert manifest is not None
    found: dict[str, Any] = manifest["spec"]
    return found


def test_a_gateway_that_wants_none_gets_none() -> None:
    assert build_network_policy(gateway({"networkPolicy": {"enabled": False}}), USUAL) is None


def test_without_more_there_are_rules_for_names_and_the_internet_alone() -> None:
    found = spec()

    assert [rule["ports"] for rule in found["egress"]] == [
        [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        [{"protocol": "TCP", "port": 443}],
    ]
    assert [peer["ipBlock"]["cidr"] for peer in found["egress"][1]["to"]] == ["0.0.0.0/0", "2000::/3"]


def test_https_on_the_internet_is_not_opened_twice() -> None:
    to = [Surroundings(upstream=Internet("api.example.com", port)) for port in (443, 8443)]

    assert [len(spec(surroundings=each)["egress"]) for each in to] == [2, 3]


def test_pods_are_named_by_namespace_and_labels_together() -> None:
    upstream = Pods(ServiceName("other", "proxy", 80), {"app": "proxy"}, "http")

    rule = spec(surroundings=Surroundings(upstream=upstream))["egress"][-1]

    namespace = {"matchLabels": {"kubernetes.io/metadata.name": "other"}}
    assert rule == {
        "to": [{"podSelector": {"matchLabels": {"app": "proxy"}}, "namespaceSelector": namespace}],
        "ports": [{"protocol": "TCP", "port": "http"}],
    }


def test_namespaces_of_ingress_and_monitoring_are_one_peer() -> None:
    network = ClusterNetwork(ingress_namespaces=("b", "a"), monitoring_namespaces=("a", "c"))

    peer = spec(surroundings=Surroundings(network))["ingress"][0]["from"][-1]

    named = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b", "c"]}
    assert peer == {"namespaceSelector": {"matchExpressions": [named]}}


def test_an_internal_network_that_is_left_out_already_is_not_named_again() -> None:
    network = ClusterNetwork(internal_networks=("10.1.0.0/16", "34.118.0.0/16"))

    block = spec(surroundings=Surroundings(network))["egress"][1]["to"][0]["ipBlock"]

    assert block["except"][-1] == "34.118.0.0/16"
    assert "10.1.0.0/16" not in block["except"]


@given(gateway_specs())
def test_no_rule_is_without_peers_and_the_gateways_port_is_the_only_one_in(drawn: dict[str, Any]) -> None:
    """A rule without peers would allow everything."""
    subject = Gateway.parse(gateway_body(drawn))
    if not subject.spec.network_policy.enabled:
        return

    found = spec(subject)

    assert found["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["to"] and all(rule["to"]) for rule in found["egress"])
    assert [(bool(rule["from"]), rule["ports"]) for rule in found["ingress"]] == [
        (True, [{"protocol": "TCP", "port": subject.spec.port}])
    ]
